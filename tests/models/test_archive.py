from __future__ import annotations

import contextlib
import io
import json
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from failatlas.errors import FailatlasError, ModelError, UnsafeInputError
from failatlas.models.archive import screened_archive
from failatlas.models.exported import load_exported

WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"
PROGRAM = "models/model.json"


class Payload:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return (open, (str(self.canary), "w"))


def member(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(full for full in archive.namelist() if full.split("/", 1)[1] == name))


def edited(path: Path, name: str, edit) -> bytes:
    document = json.loads(member(path, name))
    edit(document)
    return json.dumps(document).encode()


def refused(path: Path, canary: Path, said: str) -> None:
    with pytest.raises(UnsafeInputError, match=said) as caught:
        load_exported(path)
    assert caught.value.exit_status == 4
    assert "\n" not in str(caught.value)
    assert not canary.exists()


@pytest.fixture
def genuine(net, export):
    return export(net)


def test_a_genuine_archive_passes_with_its_weights_and_graph(genuine, net):
    copy = screened_archive(genuine)
    with zipfile.ZipFile(copy) as archive:
        stored = {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}
    for name in stored:
        if "/weight_" in name:
            assert stored[name] == member(genuine, name)
    ours, theirs = json.loads(stored[PROGRAM]), json.loads(member(genuine, PROGRAM))
    assert [n["target"] for n in ours["graph_module"]["graph"]["nodes"]] == [
        n["target"] for n in theirs["graph_module"]["graph"]["nodes"]
    ]


def test_H2_use_pickle_is_refused(genuine, rezip, canary):
    def flip(document):
        document["config"]["head.bias"]["use_pickle"] = True

    buffer = io.BytesIO()
    torch.save(Payload(canary), buffer)
    file = json.loads(member(genuine, WEIGHTS))["config"]["head.bias"]["path_name"]
    changes = {WEIGHTS: edited(genuine, WEIGHTS, flip), f"data/weights/{file}": buffer.getvalue()}
    refused(rezip(genuine, changes), canary, "use_pickle")


@pytest.mark.parametrize("value", [1, "false", None, 0, "true"])
def test_H2_use_pickle_must_be_the_word_false(genuine, rezip, canary, value):
    def flip(document):
        document["config"]["head.bias"]["use_pickle"] = value

    refused(rezip(genuine, {WEIGHTS: edited(genuine, WEIGHTS, flip)}), canary, "use_pickle")


def test_H2_sample_inputs_that_only_the_unsafe_loader_reads_are_refused(genuine, rezip, canary):
    buffer = io.BytesIO()
    torch.save(((Payload(canary),), {}), buffer)
    refused(rezip(genuine, {"data/sample_inputs/model.pt": buffer.getvalue()}), canary, "sample inputs")


@pytest.mark.parametrize("prefix", ["custom_obj_0", "opaque_obj_0"])
def test_H2_script_object_constants_are_refused(genuine, rezip, canary, prefix):
    def add(document):
        meta = {"path_name": prefix, "is_param": False, "use_pickle": True, "tensor_meta": None}
        document["config"]["thing"] = meta

    data = pickle.dumps(Payload(canary))
    changes = {CONSTANTS: edited(genuine, CONSTANTS, add), f"data/constants/{prefix}": data}
    refused(rezip(genuine, changes), canary, "script object")


def test_H2_a_config_that_names_a_script_object_under_a_tensor_name_is_refused(genuine, rezip, canary):
    def add(document):
        meta = {"path_name": "custom_obj_0", "is_param": False, "use_pickle": False, "tensor_meta": None}
        document["config"]["thing"] = meta

    refused(rezip(genuine, {CONSTANTS: edited(genuine, CONSTANTS, add)}), canary, "stored as")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("data/aotinductor/model/payload.so", "program code"),
        ("data/aotinductor/model/wrapper.cpp", "program code"),
        ("data/aotinductor/model/x", "not part"),
        ("../../escape", "out of the archive"),
        ("data/../../escape", "out of the archive"),
        ("/etc/cron.d/escape", "out of the archive"),
        ("data\\weights\\x", "out of the archive"),
        ("data/weights/model.pt", "pickle"),
        ("data/constants/model.pt", "pickle"),
        ("models/second.json", "not part"),
        ("extra/notes.txt", "not part"),
        ("data.pkl", "not part"),
    ],
)
def test_H2_foreign_members_are_refused(genuine, rezip, canary, name, said):
    refused(rezip(genuine, {name: b"\x7fELF"}), canary, said)


def test_H2_duplicate_members_are_refused(genuine, canary):
    with zipfile.ZipFile(genuine, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(archive.namelist()[0], b"another")
    refused(genuine, canary, "twice")


def test_H2_a_ratio_bomb_is_refused_before_it_is_unpacked(genuine, rezip, canary):
    bomb = rezip(genuine, {"data/weights/weight_99": b"\0" * 50_000_000}, compress=("data/weights/weight_99",))
    assert bomb.stat().st_size < 200_000
    refused(bomb, canary, "compressed")


def test_H2_two_folders_at_the_top_are_refused(genuine, canary):
    with zipfile.ZipFile(genuine, "a") as archive:
        archive.writestr("other/data/weights/weight_0", b"\0" * 4)
    refused(genuine, canary, "folders")


def test_H2_links_are_refused(genuine, canary):
    with zipfile.ZipFile(genuine, "a") as archive:
        info = zipfile.ZipInfo(f"{archive.namelist()[0].split('/')[0]}/data/weights/weight_77")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, b"/etc/passwd")
    refused(genuine, canary, "link")


def first_node(document):
    return document["graph_module"]["graph"]["nodes"][0]


@pytest.mark.parametrize(
    "target",
    [
        "torch.os.system",
        "torch.serialization.load",
        "torch.ops.load_library",
        "torch.hub.load",
        "torch.ops.aten.from_file.default",
        "torch.ops.aten.__class__.mro",
        "_operator.attrgetter",
        "_operator.methodcaller",
        "math.__loader__",
        "#extension:x",
        "builtins.eval",
    ],
)
def test_H2_operators_that_are_none_are_refused(genuine, rezip, canary, target):
    def edit(document):
        first_node(document)["target"] = target

    refused(rezip(genuine, {PROGRAM: edited(genuine, PROGRAM, edit)}), canary, "operator")


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('touch {canary}')",
        "open('{canary}', 'w')",
        "Symbol('s0').__class__",
        "Symbol(open('{canary}', 'w'))",
        "Integer(9)**Integer(9)**Integer(9)**Integer(9)",
        "Pow(Integer(9), Integer(999999999))",
        "Pow(Integer(9), Pow(Integer(9), Integer(9)))",
        "[c for c in ().__class__.__bases__]",
        "lambda: 0",
        "sympify('1')",
        "9" * 30,
    ],
)
def test_H2_symbolic_expressions_that_are_code_are_refused(genuine, rezip, canary, expression):
    def edit(document):
        values = document["graph_module"]["graph"]["tensor_values"]
        sized = next(v for v in values.values() if any("as_expr" in s for s in v["sizes"]))
        next(s for s in sized["sizes"] if "as_expr" in s)["as_expr"]["expr_str"] = expression.format(canary=canary)

    refused(rezip(genuine, {PROGRAM: edited(genuine, PROGRAM, edit)}), canary, "expression")


def test_H2_guards_are_dropped_not_executed(genuine, rezip, canary, net, pixels):
    def edit(document):
        document["guards_code"] = [f"open({str(canary)!r}, 'w')"]

    model = load_exported(rezip(genuine, {PROGRAM: edited(genuine, PROGRAM, edit)}))
    model.predict(pixels)
    assert not canary.exists()


def test_H2_names_that_would_become_source_code_are_refused(genuine, rezip, canary):
    evil = f"x'); open({str(canary)!r}, 'w'); ('"

    def parameter(document):
        spec = next(s for s in document["graph_module"]["signature"]["input_specs"] if "parameter" in s)
        spec["parameter"]["parameter_name"] = evil

    def argument(document):
        document["graph_module"]["module_call_graph"][0]["signature"]["forward_arg_names"] = [evil]

    def node(document):
        first_node(document)["outputs"][0]["as_tensor"]["name"] = evil

    for edit in (parameter, argument, node):
        refused(rezip(genuine, {PROGRAM: edited(genuine, PROGRAM, edit)}), canary, "name")


def test_H2_input_types_beyond_tuples_lists_and_dicts_are_refused(genuine, rezip, canary):
    def edit(document):
        signature = document["graph_module"]["module_call_graph"][0]["signature"]
        signature["in_spec"] = signature["in_spec"].replace("builtins.tuple", "collections.namedtuple")

    refused(rezip(genuine, {PROGRAM: edited(genuine, PROGRAM, edit)}), canary, "type")


@pytest.mark.parametrize(
    "sizes", [[{"as_int": 2**40}], [{"as_int": -1}], [{"as_int": 400}], [{"as_expr": {"expr_str": "s0"}}], 7]
)
def test_H2_tensors_that_claim_more_than_their_bytes_are_refused(genuine, rezip, canary, sizes):
    def edit(document):
        document["config"]["head.bias"]["tensor_meta"]["sizes"] = sizes

    refused(rezip(genuine, {WEIGHTS: edited(genuine, WEIGHTS, edit)}), canary, "head.bias")


@pytest.mark.parametrize("name", [PROGRAM, WEIGHTS, CONSTANTS])
def test_H2_descriptions_that_are_not_json_are_refused(genuine, rezip, canary, name):
    for data in (b"{", b"[]", b"[" * 200_000, b"\xff"):
        refused(rezip(genuine, {name: data}), canary, "description|unknown keys")


def test_an_archive_of_another_format_says_what_is_missing(genuine, rezip):
    with pytest.raises(ModelError, match="is not there") as caught:
        load_exported(rezip(genuine, {PROGRAM: None}))
    assert "torch.export.save" in caught.value.remedy


def test_a_truncated_archive_is_one_line(genuine):
    data = genuine.read_bytes()
    for length in (0, 100, len(data) // 2, len(data) - 10):
        genuine.write_bytes(data[:length])
        with pytest.raises(ModelError) as caught:
            load_exported(genuine)
        assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_H15_flipped_bytes_give_our_errors_only(genuine, tmp_path, data):
    content = bytearray(genuine.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "flipped.pt2"
    path.write_bytes(content)
    with contextlib.suppress(FailatlasError):
        screened_archive(path)


def test_control_flow_and_shape_arithmetic_of_honest_networks_pass(export, pixels):
    class Shapes(torch.nn.Module):
        def forward(self, x):
            b, c = x.shape[0], x.shape[1]
            with torch.no_grad():
                y = torch.nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear")
            y = torch.nn.functional.pad(y, (1, 1, 1, 1), mode="reflect")
            return torch.einsum("bchw,bc->bh", y, x.mean((2, 3))).reshape(b * c, -1).view(b, -1)

    model = load_exported(export(Shapes()))
    expected = Shapes()(model.tensor(pixels))
    assert torch.allclose(torch.from_numpy(model.predict(pixels)), expected, atol=1e-6)
