"""Program: a network as a flat list of ATen operations, exported once, without touching the caller's module.

``torch.export`` runs the network symbolically, so what users write (in-place operations, functional calls, shared
modules, containers) arrives as one pure graph. Decompositions stay off but for what is needed to remove mutation:
convolution, pooling, attention and norms keep their names, and a rule can recognise them.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from failatlas.errors import ModelError, ShapeError

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node


@dataclass(frozen=True, slots=True)
class Ref:
    """An argument that is the value of the operation at ``index``."""

    index: int


@dataclass(slots=True)
class Operation:
    """One operation of the program.

    Attributes:
        index: position; arguments refer to smaller positions.
        name: the graph's name, e.g. ``"relu_1"``.
        operator: e.g. ``"aten.conv2d.default"``; ``"input"`` and ``"constant"`` for what is given.
        run: computes the value from resolved arguments.
        args, kwargs: arguments, in which ``Ref`` stands for a value.
        constant: the value, where it depends on no image.
        signal: whether the value depends on the image.
        module: path of the module that called it, e.g. ``"layer1.0.conv1"``; ``""`` for the network itself.
        call: 1 for the module's first call, 2 for its second, …
        leaf: the module computes by itself: none of its children is called.
        batch: (axis, multiple) with ``shape[axis] == multiple × n``; None where n cannot be found in the shape.
        rank: number of axes of its value; 0 where it is no tensor.
        signals: the ``inputs`` that are signals, in argument order, one entry per occurrence.
        first: reads the pixels, directly or through operators that only move them.
    """

    index: int
    name: str
    operator: str
    run: Callable[..., Any] | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    constant: Any = None
    signal: bool = False
    module: str = ""
    call: int = 1
    leaf: bool = False
    batch: tuple[int, int] | None = None
    rank: int = 0
    signals: tuple[int, ...] = ()
    first: bool = False

    @property
    def kind(self) -> str:
        """The operator without namespace and overload, e.g. ``"conv2d"``."""
        return self.operator.split(".")[1] if "." in self.operator else self.operator

    @property
    def inputs(self) -> tuple[int, ...]:
        """Positions of every value it reads, in argument order, repeated where read twice."""
        return tuple(ref.index for ref in references((self.args, tuple(self.kwargs.values()))))

    @property
    def where(self) -> str:
        """The layer it belongs to, for people: its module path, else its name in the graph."""
        suffix = f"#{self.call}" if self.call > 1 else ""
        return f"{self.module}{suffix}" if self.module else self.name


@dataclass(slots=True)
class Program:
    """The network's operations in forward order; the value of ``output`` is what the network answers.

    Attributes:
        operations: in an order in which every argument comes first.
        input: position of the images.
        output: position of the answer.
        batch_size: None if it takes any number of images, else the only one.
    """

    operations: list[Operation]
    input: int
    output: int
    batch_size: int | None

    def consumers(self) -> list[list[int]]:
        """For each operation, the positions of those that read its value."""
        readers: list[list[int]] = [[] for _ in self.operations]
        for operation in self.operations:
            for index in operation.inputs:
                readers[index].append(operation.index)
        return readers

    def add_constant(self, value: Tensor) -> Ref:
        """Append a constant; order does not matter, for constants are never run."""
        index = len(self.operations)
        self.operations.append(Operation(index, f"constant_{index}", "constant", constant=value))
        return Ref(index)


def trace(module: nn.Module, example: Tensor) -> Program:
    """Export ``module`` in evaluation mode; its weights are shared, its state is left as it was.

    Args:
        module: any network from images to one tensor of outputs.
        example: (n, c, h, w) float32, n ≥ 1.

    Raises:
        ShapeError: the example is not four-dimensional float.
        ModelError: ``torch.export`` cannot follow the network.
    """
    if example.ndim != 4 or not example.is_floating_point() or example.shape[0] == 0:
        raise ShapeError(
            f"expected images (n, c, h, w) of floats with n ≥ 1, got {tuple(example.shape)} {example.dtype}",
            where="relevance",
            remedy="pass preprocessed images as a float tensor",
        )
    with _evaluation(module), warnings.catch_warnings():
        # torch.export warns about its own internals
        warnings.simplefilter("ignore")
        try:
            # two images: torch.export takes a batch of one for a constant
            pair = example[:1].expand(2, *example.shape[1:]).contiguous() if len(example) == 1 else example[:2]
            exported = _export(module, pair, dynamic=True)
            batch_size = None
        except Exception:  # the network fixes its batch size: torch.export says so with many exception types
            try:
                exported = _export(module, example, dynamic=False)
            except Exception as error:
                reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
                raise ModelError(
                    f"torch.export cannot follow the network: {reason.strip()}",
                    where=type(module).__name__,
                    remedy="make forward() free of data-dependent Python branches, or use features without relevance",
                ) from error
            batch_size = len(example)
    return _program(exported, batch_size)


def references(value: Any) -> Iterator[Ref]:
    """Every ``Ref`` in nested arguments, in order."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from references(part)


def resolve(value: Any, values: list[Any]) -> Any:
    """Nested arguments with every ``Ref`` replaced by its value."""
    if isinstance(value, Ref):
        return values[value.index]
    if isinstance(value, list | tuple):
        return type(value)([resolve(part, values) for part in value])
    return value


@contextmanager
def _evaluation(module: nn.Module) -> Iterator[None]:
    # flags are set one by one: calling eval() would run overridden train() methods and their side effects
    flags = [(child, child.training) for child in module.modules()]
    fast_path = torch.backends.mha.get_fastpath_enabled()
    # the fast path hides attention in one opaque operator
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        for child, _ in flags:
            child.training = False
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        for child, training in flags:
            child.training = training


def _export(module: nn.Module, example: Tensor, *, dynamic: bool) -> ExportedProgram:
    shapes = ({0: torch.export.Dim("n", min=1)},) if dynamic else None
    with torch.no_grad():
        exported = torch.export.export(module, (example,), dynamic_shapes=shapes, strict=False)
        plain: ExportedProgram = exported.run_decompositions({})
        return plain


def _program(exported: ExportedProgram, batch_size: int | None) -> Program:
    signature = exported.graph_signature
    state: dict[str, Any] = {**exported.state_dict, **exported.constants}
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    names |= signature.inputs_to_lifted_tensor_constants
    operations: list[Operation] = []
    position: dict[Node, Ref] = {}
    images = outputs = None
    for node in exported.graph.nodes:
        if node.op == "output":
            outputs = node.args[0]
            continue
        index = len(operations)
        position[node] = Ref(index)
        if node.op == "placeholder" and node.name in names:
            constant = state[names[node.name]]
            constant = constant.detach() if isinstance(constant, Tensor) else constant
            operations.append(Operation(index, node.name, "constant", constant=constant))
        elif node.op == "placeholder":
            images = node
            operations.append(Operation(index, node.name, "input", signal=True, batch=(0, 1)))
        elif node.op == "call_function":
            operations.append(_operation(node, index, position, operations))
        else:
            raise ModelError(f"the exported graph holds {node.op} {node.target}", remedy="simplify forward()")
    answers = [] if outputs is None else list(references(_refs(outputs, position)))
    if images is None or len(answers) != 1 or len(signature.user_outputs) != 1:
        raise ModelError(
            f"the network must map one tensor to one tensor, it gives {len(signature.user_outputs)}",
            remedy="wrap it in a module that returns its logits alone",
        )
    program = Program(operations, position[images].index, answers[0].index, batch_size)
    _find_batch(program, exported, position, images)
    _find_leaves(program)
    return program


def _operation(node: Node, index: int, position: Mapping[Node, Ref], operations: list[Operation]) -> Operation:
    path, call = "", 1
    stack = node.meta.get("nn_module_stack") or {}
    for key, (name, _) in stack.items():
        path = name if isinstance(name, str) and not key.startswith("_empty") else ""
        # a module's second call is marked "…@1"
        _, _, count = key.rpartition("@")
        call = int(count) + 1 if "@" in key and count.isdigit() else 1
    operation = Operation(
        index,
        node.name,
        str(node.target) if node.target is not operator.getitem else "getitem",
        run=node.target,  # type: ignore[arg-type]
        args=tuple(_refs(list(node.args), position)),
        kwargs={key: _refs(value, position) for key, value in node.kwargs.items()},
        module=path,
        call=call,
    )
    # a size is a number, not a signal: what is built from it alone depends on no pixel
    is_size = "sym_" in operation.operator or operation.kind in _SHAPES_ONLY
    operation.signals = () if is_size else tuple(i for i in operation.inputs if operations[i].signal)
    operation.signal = bool(operation.signals)
    return operation


_SHAPES_ONLY = frozenset(
    {"zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty"}
)


def _refs(value: Any, position: Mapping[Node, Ref]) -> Any:
    if isinstance(value, torch.fx.Node):
        return position[value]
    if isinstance(value, list | tuple):
        return [_refs(part, position) for part in value]
    return value


def _find_leaves(program: Program) -> None:
    paths = {operation.module for operation in program.operations}
    # "a.b.c" makes "a.b" and "a" containers; nn.MultiheadAttention never calls its child, so it stays one layer
    containers = {path[:i] for path in paths for i, sign in enumerate(path) if sign == "."} | {""}
    for operation in program.operations:
        operation.leaf = operation.module not in containers


def _find_batch(program: Program, exported: ExportedProgram, position: Mapping[Node, Ref], images: Node) -> None:
    count = images.meta["val"].shape[0]
    for node in exported.graph.nodes:
        value = node.meta.get("val")
        if node in position and isinstance(value, Tensor):
            operation = program.operations[position[node].index]
            operation.batch, operation.rank = _batch_axis(value.shape, count), value.ndim


def _batch_axis(shape: torch.Size, count: Any) -> tuple[int, int] | None:
    if not isinstance(count, torch.SymInt):
        return (0, 1) if len(shape) and shape[0] == count else None
    symbol = count.node.expr
    for axis, size in enumerate(shape):
        if isinstance(size, torch.SymInt):
            multiple = size.node.expr / symbol
            if multiple.is_Integer:
                return axis, int(multiple)
    return None
