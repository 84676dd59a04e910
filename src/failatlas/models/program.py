"""Program screening: the description of an exported network is read as data and refused where torch would run it.

torch turns names into Python source, looks operators up by dotted name, and hands symbolic expressions to SymPy, which
evaluates them.  So names must be plain names, operators those of a network, and expressions arithmetic.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping

from failatlas.errors import UnsafeInputError

_PLAIN = re.compile(r"[\w.]*", re.ASCII)
_TARGET = re.compile(
    r"torch\.ops\.(aten|prims)\.\w+\.\w+"
    r"|torch\.ops\.higher_order\.(wrap_with_set_grad_enabled|wrap_with_autocast)"
    r"|_operator\.(add|sub|mul|floordiv|truediv|mod|neg|pos|getitem|eq|ne|lt|le|gt|ge|and_|or_|not_|pow)"
    r"|math\.(ceil|floor|trunc|sqrt)|torch\.sym_(int|float|max|min|not|ite|sum)|torch\._sym_sqrt",
    re.ASCII,
)
_FILE_OPERATORS = re.compile(r"torch\.ops\.aten\.(from_file|save|load)\b")
_TREE_TYPES = {None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"}
_SYMBOLS = {
    "Symbol", "Integer", "Float", "Rational", "Add", "Mul", "Pow", "Mod", "Max", "Min", "FloorDiv", "ModularIndexing",
    "CleanDiv", "CeilDiv", "PythonMod", "TruncToInt", "IntTrueDiv", "FloatTrueDiv", "ToFloat", "Identity",
    "PowByNatural", "Eq", "Ne", "Lt", "Le", "Gt", "Ge", "Equality", "Unequality", "StrictLessThan", "LessThan",
    "StrictGreaterThan", "GreaterThan", "And", "Or", "Not", "Piecewise", "ExprCondPair", "true", "false",
    "BooleanTrue", "BooleanFalse",
}  # fmt: skip


def plain_program(data: bytes, where: str) -> bytes:
    """The description of a network without guards and traces, if the rest of it is plain.

    Raises:
        UnsafeInputError: a name, operator, expression or type that could become code.
    """
    program = plain_json(data, where)
    program["guards_code"] = []  # they would be executed; shapes are checked by the operators anyway
    graph_module = program.get("graph_module")
    if not isinstance(graph_module, dict) or graph_module.get("treespec_namedtuple_fields"):
        raise unsafe("the program has named tuples or no graph", where)
    graph_module["metadata"] = {}
    _check_value("", program, where)
    return json.dumps(program).encode()


def check_name(name: str, where: str) -> None:
    """A dotted name of plain words, none of them private to Python.

    Raises:
        UnsafeInputError: it is not.
    """
    # names become Python source when torch builds the module
    if not _PLAIN.fullmatch(name) or any(part.startswith("__") for part in name.split(".")):
        raise unsafe(f"name {name[:80]!r} is no plain name", where)


def plain_json(data: bytes, where: str, *, kind: type = dict) -> dict[str, object]:
    """A JSON document of the expected kind.

    Raises:
        UnsafeInputError: it is something else.
    """
    try:
        document = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise unsafe("a description in the archive is not JSON", where) from None
    if not isinstance(document, kind):
        raise unsafe("a description in the archive has the wrong form", where)
    return document  # type: ignore[return-value]


def unsafe(what: str, where: str) -> UnsafeInputError:
    """The error that refuses an archive."""
    return UnsafeInputError(
        what, where=where, remedy="export the network yourself with torch.export.save", code="E_PT2_UNSAFE"
    )


def _check_value(key: str, value: object, where: str) -> None:
    # iterative in spirit but recursive in form: json already bounds the depth that reaches this place
    if isinstance(value, dict):
        if "metadata" in value:
            value["metadata"] = _plain_metadata(value["metadata"], where)
        for name, inner in value.items():
            check_name(name, where)
            if name in ("as_custom_obj", "custom_obj_values", "custom_obj", "custom_obj_name") and inner:
                raise unsafe("the program has script objects", where)
            if name != "metadata":
                _check_value(name, inner, where)
    elif isinstance(value, list):
        for inner in value:
            _check_value(key, inner, where)
    elif isinstance(value, str):
        _check_text(key, value, where)


def _check_text(key: str, text: str, where: str) -> None:
    if key == "target":
        if not _TARGET.fullmatch(text) or _FILE_OPERATORS.match(text) or ".__" in text:
            raise unsafe(f"operator {text[:80]!r} is not one of a network", where)
    elif key == "expr_str":
        if not _is_plain_expression(text):
            raise unsafe(f"symbolic expression {text[:80]!r} is not plain arithmetic", where)
    elif key in ("in_spec", "out_spec"):
        _check_tree(plain_json(text.encode(), where, kind=list), where)
    elif key == "torch_version":
        if not re.fullmatch(r"[\w.+<=]{0,60}", text, re.ASCII):
            raise unsafe(f"version {text[:80]!r}", where)
    elif key in ("as_string", "as_strings"):
        # quoted by torch where it becomes code; einsum equations and padding modes need no more than this
        if not re.fullmatch(r"[\w\s.,>()+-]{0,200}", text, re.ASCII):
            raise unsafe(f"text {text[:80]!r} among the operators' arguments", where)
    else:
        check_name(text, where)


def _check_tree(document: object, where: str) -> None:
    todo: list[object] = [document[1]] if isinstance(document, list) and len(document) == 2 else [None]
    while todo:
        node = todo.pop()
        if not isinstance(node, Mapping) or set(node) != {"type", "context", "children_spec"}:
            raise unsafe("the shape of inputs or outputs is described wrongly", where)
        if node["type"] not in _TREE_TYPES:
            raise unsafe(f"inputs or outputs of type {str(node['type'])[:80]!r}", where)
        if not re.fullmatch(r'null|\[("[\w.]*"(, ?"[\w.]*")*)?\]', node["context"] or "null", re.ASCII):
            raise unsafe("the names of inputs or outputs are not plain", where)
        todo.extend(node["children_spec"])


def _plain_metadata(metadata: object, where: str) -> dict[str, str]:
    # only what names layers is kept; its text is split by torch, never evaluated
    if not isinstance(metadata, Mapping):
        raise unsafe("metadata of an operator is no table", where)
    stack = metadata.get("nn_module_stack")
    if isinstance(stack, str) and re.fullmatch(r"[\w.,;@\[\]()<>' -]*", stack, re.ASCII):
        return {"nn_module_stack": stack}
    return {}


def _is_plain_expression(text: str) -> bool:
    if len(text) > 2000:
        return False
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return _is_plain_node(tree.body)


def _is_plain_node(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) in (bool, int, float) and abs(node.value) < 2**63  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return node.id in _SYMBOLS or re.fullmatch(r"[su]\d+", node.id) is not None
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and _is_plain_node(node.operand)
    if isinstance(node, ast.BinOp):
        is_plain = isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.FloorDiv | ast.Mod | ast.Div)
        return is_plain and _is_plain_node(node.left) and _is_plain_node(node.right)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in _SYMBOLS:
        return False
    if node.func.id == "Symbol":
        name = node.args[0] if len(node.args) == 1 else None
        is_name = (
            isinstance(name, ast.Constant) and re.fullmatch(r"[suzq]\w*\d+", str(name.value), re.ASCII) is not None
        )
        return is_name and all(_is_flag(keyword.value) for keyword in node.keywords)
    if node.func.id in ("Pow", "PowByNatural"):  # a tower of powers would keep SymPy busy for ever
        power = node.args[1] if len(node.args) == 2 else None
        if not _is_small(power):
            return False
    return all(_is_plain_node(argument) for argument in node.args) and all(
        _is_flag(keyword.value) for keyword in node.keywords
    )


def _is_flag(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is bool


def _is_small(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Integer" and node.args:
        node = node.args[0]
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) <= 8
