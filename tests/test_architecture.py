"""The map of ARCHITECTURE.md holds: no room imports one that comes later on the street."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "failatlas"


def rank() -> dict[str, tuple[int, int]]:
    """Room → (line, position on the line) in the map."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    block = re.search(r"```layers\n(.*?)```", text, re.DOTALL)
    assert block, "ARCHITECTURE.md has no ```layers block"
    return {
        room.strip(): (line, position)
        for line, rooms in enumerate(block[1].strip().splitlines())
        for position, room in enumerate(rooms.split("<"))
    }


def room_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(file: Path) -> set[str]:
    """Rooms that a module imports when it runs; imports for type checkers alone do not count."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "failatlas":
            inside = node.module.split(".")[1:]
            names = [inside[0]] if inside else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".")[1] for alias in node.names if alias.name.startswith("failatlas.")]
        found |= {name for name in names if not name.startswith("__")}
    return found


FILES = [file for file in sorted(SOURCE.rglob("*.py")) if file != SOURCE / "__init__.py"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_no_import_climbs_the_street(file: Path) -> None:
    order, own = rank(), room_of(file)
    for other in imports(file) - {own}:
        assert order[other] < order[own], f"{own} imports {other}, which comes later on the street"


def test_every_room_is_on_the_map_and_every_room_of_the_map_exists() -> None:
    assert {room_of(file) for file in FILES} == set(rank())


def test_importing_failatlas_and_asking_for_help_loads_nothing_heavy() -> None:
    heavy = ["torch", "numpy", "scipy", "sklearn", "umap", "numba", "onnx", "onnxruntime", "PIL", "rich", "pandas"]
    code = (
        "import sys\n"
        "import failatlas\n"
        "from failatlas.cli.main import group\n"
        "group(['--help'], standalone_mode=False)\n"
        f"print(sorted(set({heavy}) & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
