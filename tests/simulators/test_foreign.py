"""A simulator of the user's own: trusted or not run, held to the contract, and never left running."""

from __future__ import annotations

import base64
import gc
import io
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from failatlas.errors import DataError, FailatlasError, ShapeError, UnsafeInputError, UsageError
from failatlas.images import Decoding
from failatlas.simulators import Failure, open_simulator, render_each, render_many
from failatlas.simulators.program import Program

DESCRIBE = """
import base64, json, os, signal, sys, time
from pathlib import Path

PARAMETERS = [
    {"name": "yaw", "low": -90, "high": 90, "unit": "deg"},
    {"name": "time", "choices": ["day", "night"], "kind": "choice"},
    {"name": "cars", "kind": "integer", "low": 0, "high": 4, "default": 1},
]

def raw(width=4, height=3, data=None):
    return {"width": width, "height": height, "base64": base64.b64encode(data or bytes(range(36))).decode()}

def say(answer):
    print(json.dumps(answer), flush=True)

for line in sys.stdin:
    request = json.loads(line)
    if request["request"] == "describe":
        say({"schema": 1, "parameters": PARAMETERS})
        continue
    values, seed, out = request["values"], request["seed"], request["out"]
"""


@pytest.fixture
def program(tmp_path):
    """Writes a program whose answer to ``render`` is given; returns its path."""

    def write(body: str, *, head: str = DESCRIBE, name: str = "sim.py") -> str:
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\n{head}{textwrap.indent(textwrap.dedent(body), '    ')}\n")
        path.chmod(0o755)
        return str(path)

    return write


@pytest.fixture
def opened():
    """Opens a trusted simulator and closes it in the end."""
    simulators = []

    def one(spec, **options):
        simulators.append(open_simulator(spec, trust_code=True, **options))
        return simulators[-1]

    yield one
    for simulator in simulators:
        simulator.close()


RAW = 'say({"pixels": raw(), "labels": {"gap": values["yaw"] / 2, "side": values["time"] + "!", "n": seed}})'


def test_a_program_describes_and_renders(program, opened):
    simulator = opened(program(RAW))
    assert simulator.space.names == ("yaw", "time", "cars")
    assert repr(simulator) == "<Program sim.py: 3 parameters>"
    made = simulator.render({"yaw": 30, "time": "night"}, seed=7)
    assert made.pixels.reshape(-1).tolist() == list(range(36))
    assert made.values == {"yaw": 30.0, "time": "night", "cars": 1.0}
    assert made.labels == {"gap": 15.0, "side": "night!", "n": 7.0}


def test_a_program_may_write_a_picture(program, opened):
    body = """
    Path(out).write_bytes(b"P6 2 1 255 " + bytes([1, 2, 3, 4, 5, seed]))
    say({"pixels": out if seed else Path(out).name})
    """
    simulator = opened(program(body))
    for seed in (0, 9):
        made = simulator.render({}, seed)
        assert made.pixels.tolist() == [[[1, 2, 3], [4, 5, seed]]]
        assert made.labels == {}
    assert not any(Path(simulator._folder).iterdir())


def test_the_program_is_started_once(program, opened):
    simulator = opened(program('say({"pixels": raw(), "labels": {"pid": os.getpid()}})'))
    assert len({simulator.render({}, seed).labels["pid"] for seed in range(3)}) == 1


def test_values_outside_their_range_never_reach_the_program(program, opened, tmp_path):
    simulator = opened(program(f"Path({str(tmp_path / 'seen')!r}).write_text(line); {RAW}"))
    with pytest.raises(UsageError, match="parameter 'yaw' is 91") as refused:
        simulator.render({"yaw": 91})
    assert refused.value.remedy == "give -90 … 90 deg"
    assert not (tmp_path / "seen").exists()


def test_H17_nothing_runs_before_it_is_trusted(program, tmp_path):
    path = program("", head=f"open({str(tmp_path / 'canary')!r}, 'w')\n")
    (tmp_path / "own_canary.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')\n")
    for spec in (path, f"{tmp_path / 'own_canary.py'}:build", "own_canary:build"):
        with pytest.raises(UnsafeInputError, match="is code") as refused:
            open_simulator(spec)
        assert "--trust-code" in refused.value.remedy
    assert not (tmp_path / "canary").exists()


def test_H17_a_hostile_name_starts_no_shell(program, opened, tmp_path):
    simulator = opened(program(RAW, name="; touch canary; $(touch canary) .py"))
    assert simulator.render({}).pixels.shape == (3, 4, 3)
    assert not list(tmp_path.glob("canary"))


def test_a_name_without_slash_or_dot_is_never_a_file(tmp_path, monkeypatch, program):
    program("", name="drivre")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="unknown simulator 'drivre'"):
        open_simulator("drivre", trust_code=True)


BROKEN = [
    ("sys.exit(3)", "sim.py ended (exit status 3)"),
    (
        "print('no memory\\nat all', file=sys.stderr); sys.exit(1)",
        "sim.py ended (exit status 1); its last words: at all",
    ),
    ("raise ValueError(values['time'])", "sim.py ended (exit status 1); its last words: ValueError: day"),
    ("os.kill(os.getpid(), signal.SIGSEGV)", "sim.py ended (SIGSEGV)"),
    ("time.sleep(60)", "sim.py did not answer within 0.5 s"),
    ("sys.stdout.write('{' * 100); sys.stdout.flush(); time.sleep(60)", "sim.py did not answer within 0.5 s"),
    (
        "print('loading', flush=True)",
        "sim.py answered 'loading', no JSON object on one line (other output: standard error)",
    ),
    ("print('[' * 100000, flush=True)", "sim.py answered '" + "[" * 80 + "', no JSON object on one line"),
    ("say([])", "sim.py answered '[]', no JSON object on one line"),
    ("say({'error': 'no such street'})", "sim.py says: no such street"),
    ("say({})", "sim.py gave no pixels, neither a path nor width, height and base64"),
    ("say({'pixels': 3})", "sim.py gave no pixels"),
    ("say({'pixels': raw(), 'labels': 3})", "sim.py gave no labels"),
    ("say({'pixels': raw(), 'labels': {str(i): i for i in range(1001)}})", "sim.py gave no labels, or more than 1000"),
    ("say({'pixels': raw(), 'labels': {'gap': None}})", "sim.py gave the label 'gap' as 'None', no number or text"),
    ("say({'pixels': raw(), 'labels': {'gap': [1]}})", "sim.py gave the label 'gap' as '[1]', no number or text"),
    ("say({'pixels': raw(), 'labels': {'gap': True}})", "sim.py gave the label 'gap' as 'True', no number or text"),
    ("say({'pixels': raw(), 'labels': {'gap': 10 ** 400}})", "sim.py gave the label 'gap' as '1000"),
    ("say({'pixels': raw(), 'labels': {'gap': float('inf')}})", "sim.py gave the label 'gap' as 'inf'"),
    ("say({'pixels': raw(), 'labels': {'': 1}})", "sim.py gave the label '' as '1'"),
    ("say({'pixels': raw(), 'labels': {'gap': 'x' * 1001}})", "sim.py gave the label 'gap' as 'xxxx"),
]


@pytest.mark.parametrize(("body", "message"), BROKEN)
def test_D10_a_broken_program_is_named_with_its_scene(program, opened, body, message):
    simulator = opened(program(body), timeout_s=0.5)
    start = time.monotonic()
    with pytest.raises(DataError) as refused:
        simulator.render({"yaw": 12.5}, seed=4)
    assert time.monotonic() - start < 5
    assert refused.value.name == "E_SIMULATOR"
    assert refused.value.what.startswith(message)
    assert refused.value.where == "yaw=12.5, time=day, cars=1, seed 4"


PICTURES = [
    ("raw(5, 3)", "E_IMG_TRUNCATED", "36 bytes for 5 × 3 × 3"),
    ("raw(0, 3)", "E_IMG_UNREADABLE", "width and height are whole numbers from 1, base64 is a text"),
    ("raw(True, 3)", "E_IMG_UNREADABLE", "width and height are whole numbers"),
    ("raw(4.0, 3)", "E_IMG_UNREADABLE", "width and height are whole numbers"),
    ("raw(10 ** 30, 1)", "E_IMG_TOO_LARGE", f"{10**30} × 1 pixels"),
    ("raw(400, 300)", "E_IMG_TOO_LARGE", "400 × 300 pixels"),
    ("{**raw(), 'base64': '?' * 48}", "E_IMG_UNREADABLE", "not base64"),
    ("{**raw(), 'base64': 'é'}", "E_IMG_UNREADABLE", "not base64"),
    ("out", "E_IMG_MISSING", ""),
    ("'/etc/hostname'", "E_IMG_LINK", "it does not lie in the folder of `out`"),
    ("'../x.png'", "E_IMG_LINK", "it does not lie in the folder of `out`"),
    ("os.symlink('/etc/hostname', out) or out", "E_IMG_LINK", "it does not lie in the folder of `out`"),
    ("os.mkfifo(out + 'f') or out + 'f'", "E_IMG_SPECIAL_FILE", ""),
    ("'.'", "E_IMG_SPECIAL_FILE", ""),
    ("'a\\0b'", "E_IMG_UNREADABLE", "its path is no file name"),
    ("Path(out).write_text('hello') and out", "E_IMG_UNREADABLE", "not an image: no known signature"),
    ("Path(out).write_bytes(b'P6 400 300 255 ' + bytes(360000)) and out", "E_IMG_TOO_LARGE", "400 × 300 pixels"),
]


@pytest.mark.parametrize(("pixels", "code", "reason"), PICTURES)
def test_D10_an_unusable_picture_is_refused_with_its_code(program, pixels, code, reason):
    path = program(f'say({{"pixels": {pixels}}})')
    limits = Decoding(max_megapixels=0.1)
    with closing(Program(path, decoding=limits)) as simulator, pytest.raises(DataError) as refused:
        simulator.render({}, 4)
    assert refused.value.name == code
    assert refused.value.what.startswith(f"sim.py gave an unusable picture: {reason}")
    assert refused.value.where == "yaw=0, time=day, cars=1, seed 4"


def test_an_endless_answer_is_cut_off(program):
    path = program("while True: sys.stdout.write('x' * 65536)")
    limits = Decoding(max_megapixels=0.01)
    with closing(Program(path, decoding=limits)) as simulator, pytest.raises(DataError) as refused:
        simulator.render({})
    assert "answered more than 1088576 bytes" in refused.value.what


def test_endless_complaints_do_not_fill_memory_or_stop_it(program, opened):
    body = f"sys.stderr.write('x' * 65536 * 20); sys.stderr.write('the end'); {RAW}"
    simulator = opened(program(body))
    assert simulator.render({}).pixels.shape == (3, 4, 3)
    assert len(simulator._conversation._complaints) <= 4096


def test_one_that_is_forgotten_leaves_nothing_behind(program):
    simulator = open_simulator(program("say({'pixels': raw(), 'labels': {'pid': os.getpid()}})"), trust_code=True)
    pid, folder = int(simulator.render({}).labels["pid"]), Path(simulator._folder)
    assert alive(pid)
    assert folder.exists()
    del simulator
    gc.collect()
    assert not alive(pid)
    assert not folder.exists()


def test_a_label_for_some_scenes_only_is_refused(program, opened):
    simulator = opened(program("say({'pixels': raw(), 'labels': {'gap': 1, **({'odd': 2} if seed else {})}})"))
    simulator.render({}, 0)
    with pytest.raises(DataError, match="gives the label 'odd' for some scenes only"):
        simulator.render({}, 1)


def test_a_label_with_the_name_of_a_parameter_is_refused(program, opened):
    with pytest.raises(ShapeError, match="'yaw' is a parameter and a label"):
        opened(program("say({'pixels': raw(), 'labels': {'yaw': 1}})")).render({})


def test_what_could_not_be_measured_is_nan(program, opened):
    made = opened(program("say({'pixels': raw(), 'labels': {'gap': float('nan')}})")).render({})
    assert np.isnan(made.labels["gap"])


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "time.sleep(60)", "print('odd', flush=True)"])
def test_F1_after_a_scene_that_broke_it_the_program_goes_on(program, opened, end):
    simulator = opened(program(f"if seed == 1: {end}\n{RAW}"), timeout_s=0.5)
    before = simulator.render({}, 0)
    with pytest.raises(DataError):
        simulator.render({}, 1)
    after = simulator.render({}, 0)
    assert np.array_equal(before.pixels, after.pixels)


def test_a_program_that_changes_its_parameters_is_refused(program, opened, tmp_path):
    head = DESCRIBE.replace("for line", f"if Path({str(tmp_path / 'x')!r}).exists(): del PARAMETERS[0]\nfor line")
    simulator = opened(program(f"Path({str(tmp_path / 'x')!r}).touch(); sys.exit(1)", head=head))
    with pytest.raises(DataError, match="ended"):
        simulator.render({})
    with pytest.raises(DataError, match="started again, it describes other parameters"):
        simulator.render({})


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_F1_the_program_and_what_it_started_end_with_it(program, tmp_path):
    body = """
    import subprocess
    child = subprocess.Popen(["sleep", "600"])
    say({"pixels": raw(), "labels": {"child": child.pid, "own": os.getpid()}})
    """
    simulator = open_simulator(program(body), trust_code=True)
    folder = Path(simulator._folder)
    labels = simulator.render({}).labels
    assert alive(int(labels["child"]))
    simulator.close()
    simulator.close()
    until = time.monotonic() + 10
    while (alive(int(labels["child"])) or alive(int(labels["own"]))) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(int(labels["child"]))
    assert not alive(int(labels["own"]))
    assert not folder.exists()


DESCRIPTIONS = [
    ("say({})", "E_DATA", "not a table of parameters"),
    ("say({'schema': 2, 'parameters': PARAMETERS})", "E_DATA", "not a table of parameters"),
    ("say({'schema': 1, 'parameters': [{'name': 'Yaw'}]})", "E_DATA", "parameter name 'Yaw'"),
    (
        "say({'schema': 1, 'parameters': [{'name': 'yaw', 'low': 2}]})",
        "E_DATA",
        "parameter 'yaw' has the range 2.0 … 1.0",
    ),
    ("say({'error': 'no licence'})", "E_SIMULATOR", "sim.py says: no licence"),
    ("say({'error': request['options']['street']})", "E_SIMULATOR", "sim.py says: High Street"),
    ("sys.exit(2)", "E_SIMULATOR", "sim.py ended (exit status 2)"),
]


@pytest.mark.parametrize(("body", "code", "message"), DESCRIPTIONS)
def test_a_program_that_does_not_describe_itself_is_refused(program, body, code, message):
    head = DESCRIBE.replace('say({"schema": 1, "parameters": PARAMETERS})', body)
    with pytest.raises(DataError) as refused:
        open_simulator(program("", head=head), trust_code=True, street="High Street")
    assert refused.value.name == code
    assert refused.value.what.startswith(message)


def test_what_is_no_program_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "plain.py").write_text("print()")
    with pytest.raises(UsageError, match="not a program") as refused:
        open_simulator(str(tmp_path / "plain.py"), trust_code=True)
    assert refused.value.remedy == "chmod +x plain.py, or file.py:callable"
    with pytest.raises(UsageError, match="names no simulator"):
        open_simulator(str(tmp_path / "nothing.py"), trust_code=True)
    (tmp_path / "data.bin").write_bytes(b"\0\1\2")
    (tmp_path / "data.bin").chmod(0o755)
    with pytest.raises(DataError, match=r"data\.bin cannot be started: Exec format error"):
        open_simulator(str(tmp_path / "data.bin"), trust_code=True)


@pytest.mark.parametrize("wrong", [0, -1.0, "soon", True, float("nan")])
def test_an_impossible_limit_of_time_is_refused(program, wrong):
    with pytest.raises(UsageError, match="timeout_s"):
        open_simulator(program(RAW), trust_code=True, timeout_s=wrong)


OWN = """
import numpy as np
from failatlas.parameters import Parameter, Space
from failatlas.simulators import Rendering

class Own:
    def __init__(self, side=4, fault=""):
        self.space = Space([Parameter("grey", low=0, high=255)])
        self.side, self.fault, self.closed = side, fault, False

    def render(self, values, seed):
        if self.fault == "raises":
            raise KeyError("street")
        if self.fault == "array":
            return np.zeros((2, 2, 3), np.uint8)
        labels = {"fine": np.float32(0.5), "n": np.int64(3)}
        if self.fault == "label":
            labels["fine"] = None
        pixels = np.full((self.side, self.side, 3), values["grey"], np.uint8)
        return Rendering(pixels, {"grey": -1.0} if self.fault == "lies" else values, labels)

    def close(self):
        self.closed = True

own = Own()
no_render = lambda: object()

def fails():
    raise RuntimeError("no licence\\nreally")
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_sim.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    yield
    for name in ("own_sim", "failatlas_user_own_sim"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("spec", ["own_sim:Own", "own_sim.py:Own", "own_sim:own"])
def test_a_callable_of_the_current_folder_is_a_simulator(opened, spec):
    simulator = opened(spec)
    made = simulator.render({"grey": 7})
    assert made.pixels.tolist() == [[[7, 7, 7]] * 4] * 4
    assert (made.values, made.labels) == ({"grey": 7.0}, {"fine": 0.5, "n": 3.0})
    assert {type(value) for value in made.labels.values()} == {float}
    assert repr(simulator) == f"<OwnSimulator {spec}: 1 parameters>"
    assert str(Path.cwd()) not in sys.path[:1]
    with pytest.raises(UsageError, match="parameter 'grey' is 256"):
        simulator.render({"grey": 256})


@pytest.mark.usefixtures("own")
def test_options_reach_the_callable_and_close_its_object(opened):
    simulator = opened("own_sim:Own", side=2)
    assert simulator.render({}).pixels.shape == (2, 2, 3)
    simulator.close()
    assert simulator._inner.closed


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raises", "own_sim:Own failed: KeyError: 'street' at grey=127.5, seed 3. Next: mend the simulator"),
        ("array", "own_sim:Own gave a ndarray, no Rendering at grey=127.5, seed 3. Next: mend the simulator"),
        (
            "label",
            "own_sim:Own gave the label 'fine' as 'None', no number or text at grey=127.5, seed 3. Next: mend th",
        ),
    ],
)
def test_D10_a_broken_callable_is_named_with_its_scene(opened, fault, message):
    with pytest.raises(DataError) as refused:
        opened("own_sim:Own", fault=fault).render({}, 3)
    assert str(refused.value).startswith(f"E_SIMULATOR: {message}")


@pytest.mark.usefixtures("own")
def test_values_are_those_asked_for_whatever_a_callable_says(opened):
    assert opened("own_sim:Own", fault="lies").render({"grey": 4}).values == {"grey": 4.0}


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("own_sim:fails", "own_sim:fails cannot be built: RuntimeError: no licence. Next: "),
        ("own_sim:Nothing", "own_sim:Nothing cannot be built: AttributeError: module 'own_sim' has no attribute"),
        ("no_such:Own", "no_such:Own cannot be built: ModuleNotFoundError: No module named 'no_such'"),
        ("no_such.py:Own", "no_such.py:Own cannot be built: FileNotFoundError"),
        ("own_sim:no_render", "object is no simulator at own_sim:no_render. Next: give it space, a failatlas"),
    ],
)
def test_what_is_no_simulator_is_refused(spec, message):
    with pytest.raises(FailatlasError) as refused:
        open_simulator(spec, trust_code=True)
    assert str(refused.value).startswith(f"E_SIMULATOR: {message}")


def test_a_program_renders_in_many_processes(program):
    path = program(f"if seed == 80: os._exit(1)\n{RAW}")
    jobs = [({"yaw": float(i - 40)}, i) for i in range(90)]
    made = list(render_each(path, {"timeout_s": 20}, jobs, processes=2, trust_code=True))
    assert [i for i, one in enumerate(made) if isinstance(one, Failure)] == [80]
    assert made[80].reason == "sim.py ended (exit status 1)"
    assert [one.labels["gap"] for one in made[:80]] == [(i - 40) / 2 for i in range(80)]
    with pytest.raises(DataError, match="ended"):
        list(render_many(path, {}, jobs, processes=2, trust_code=True))


def test_a_picture_from_a_library_arrives_as_it_is(program, opened):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    text = base64.b64encode(buffer.getvalue()).decode()
    simulator = opened(program(f"Path(out).write_bytes(base64.b64decode({text!r})); say({{'pixels': out}})"))
    assert np.array_equal(simulator.render({}).pixels, pixels)
