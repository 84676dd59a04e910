from __future__ import annotations

import ast
import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import failatlas
from failatlas.errors import ModelError, UnsafeInputError
from failatlas.models.load import load_model
from failatlas.models.screening import refuse_pickle

SOURCE = Path(failatlas.__file__).parent


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return (open, (str(self.canary), "w"))


def hostile(kind: str, canary: Path) -> bytes:
    payload = Payload(canary)
    if kind == "torch zip":
        buffer = io.BytesIO()
        torch.save({"weight": payload}, buffer)
        return buffer.getvalue()
    if kind == "torch legacy":
        buffer = io.BytesIO()
        torch.save({"weight": payload}, buffer, _use_new_zipfile_serialization=False)
        return buffer.getvalue()
    if kind == "npy":
        buffer = io.BytesIO()
        np.save(buffer, np.array([payload], dtype=object), allow_pickle=True)
        return buffer.getvalue()
    return pickle.dumps(payload, protocol=int(kind))


@pytest.mark.parametrize("name", ["m.pt", "m.pth", "m.pkl", "m.joblib", "m.npy", "m.ckpt", "m.pt2", "m.onnx", "m"])
@pytest.mark.parametrize("kind", ["torch zip", "torch legacy", "npy", "2", "5"])
def test_H1_hostile_pickles_are_refused_and_do_not_run(tmp_path, canary, name, kind):
    path = tmp_path / name
    path.write_bytes(hostile(kind, canary))
    with pytest.raises(UnsafeInputError) as caught:
        load_model(str(path))
    assert caught.value.exit_status == 4
    assert "\n" not in str(caught.value)
    assert not canary.exists()


def test_H1_hostile_weights_are_refused_beside_a_sound_network(tmp_path, canary, net):
    for name in ("w.pth", "w.safetensors"):
        path = tmp_path / name
        path.write_bytes(hostile("torch zip", canary))
        with pytest.raises(UnsafeInputError):
            load_model(net, weights=path)
        assert not canary.exists()


def test_H1_the_payload_is_real(canary):
    pickle.loads(hostile("2", canary)).close()
    assert canary.exists()


def test_H1_the_remedy_converts_a_plain_checkpoint(tmp_path, net):
    path = tmp_path / "net.pth"
    torch.save({"state_dict": net.state_dict()}, path)
    with pytest.raises(UnsafeInputError) as caught:
        refuse_pickle(path)
    line = caught.value.remedy.split('-c "', 1)[1].split('" ', 1)[0]
    argv = __import__("sys").argv
    __import__("sys").argv = ["-c", str(path), str(tmp_path / "net.safetensors")]
    try:
        exec(line, {})
    finally:
        __import__("sys").argv = argv
    other = load_model(type(net)(), weights=tmp_path / "net.safetensors")
    assert torch.equal(other.module.head.weight, net.head.weight)


def test_protocol_0_pickles_without_a_telling_name_are_no_network_either(tmp_path, canary):
    path = tmp_path / "model"
    path.write_bytes(hostile("0", canary))
    with pytest.raises(failatlas.errors.UsageError):
        load_model(str(path))
    assert not canary.exists()


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(ModelError, match="no such model file"):
        load_model(str(tmp_path / "gone.pth"))


def test_plain_arrays_and_safetensors_pass(tmp_path):
    np.save(tmp_path / "numbers", np.zeros(3))
    (tmp_path / "numbers.npy").rename(tmp_path / "numbers.bytes")
    refuse_pickle(tmp_path / "numbers.bytes")
    with zipfile.ZipFile(tmp_path / "plain.zip", "w") as archive:
        archive.writestr("readme.txt", "no pickle in here")
    refuse_pickle(tmp_path / "plain.zip")


def test_H1_no_source_file_can_reach_a_pickle():
    forbidden = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    files = sorted(SOURCE.rglob("*.py"))
    assert len(files) > 30
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & forbidden, f"{file}:{node.lineno}"
            if isinstance(node, ast.Call):
                keywords = {keyword.arg: keyword.value for keyword in node.keywords}
                allow = keywords.get("allow_pickle")
                assert allow is None or (isinstance(allow, ast.Constant) and allow.value is False), (
                    f"{file}:{node.lineno}"
                )
                if ast.unparse(node.func) == "torch.load":
                    safe = keywords.get("weights_only")
                    assert getattr(safe, "value", None) is True, f"{file}:{node.lineno}"
