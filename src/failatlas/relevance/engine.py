"""Engine: LRP on one network, prepared once, run batch by batch; one backward sweep gives every layer's relevance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from failatlas.arrays import Indices, Vector, freeze
from failatlas.errors import ShapeError, UsageError
from failatlas.relevance.canonise import canonise
from failatlas.relevance.checks import conservation_error, warnings_of
from failatlas.relevance.composites import Composite, composite_of
from failatlas.relevance.layers import Layer, choose, named_layers
from failatlas.relevance.plan import Fallback, Plan, Step, make_plan
from failatlas.relevance.program import Operation, resolve, trace
from failatlas.relevance.result import AppliedRule, Relevance
from failatlas.relevance.rules.derivative import gradient_fallback
from failatlas.relevance.rules.rule import Call, Shares

Target = int | Sequence[int] | Indices | Tensor | None


class Engine:
    """Relevance of one network under one composite.

    Args:
        module: any network that ``torch.export`` can follow, from (n, c, h, w) to (n, k) outputs or (n, k, …) maps. It
            is explained in evaluation mode and left as it was. Weights are taken at this moment.
        example: (n, c, h, w) float, one batch; its size and channels hold for every later batch.
        composite: a name (``hudd``, ``epsilon``, ``epsilon-zplus``, …; ``"epsilon+zb"`` adds a first-layer rule) or a
            Composite.
        layers: only these; the sweep stops at the earliest of them and operators before it do not matter.
        fallback: ``"gradient"`` passes operators without a rule by gradient × input and says so.

    Raises:
        UnknownOperator: relevance must pass an operator without a rule; at construction, not hours later.
        ModelError: ``torch.export`` cannot follow the network.
        UsageError: unknown composite or layer.
    """

    def __init__(
        self,
        module: nn.Module,
        example: Tensor,
        composite: str | Composite = "epsilon",
        *,
        layers: Sequence[str] | None = None,
        fallback: Fallback | None = None,
    ) -> None:
        if fallback not in (None, "gradient"):
            raise UsageError(f"unknown fallback {fallback!r}", remedy="choose 'gradient' or leave it out")
        self.composite = composite_of(composite)
        self._module, self._shape = module, tuple(example.shape[1:])
        traced = _Traced(module, example)
        self._traced = {traced.program.batch_size: traced}
        self._prepare(layers, fallback)

    def using(
        self,
        composite: str | Composite,
        *,
        layers: Sequence[str] | None = None,
        fallback: Fallback | None = None,
    ) -> Engine:
        """The same network under another composite or for other layers, without a second export."""
        other = object.__new__(Engine)
        other.composite = composite_of(composite)
        other._module, other._shape, other._traced = self._module, self._shape, self._traced
        other._prepare(layers, fallback)
        return other

    def run(self, images: Tensor, target: Target = None) -> Relevance:
        """Relevance of one batch.

        Args:
            images: (n, c, h, w), as the example.
            target: the output to explain, one for all or one an image; None = the network's answer (argmax).

        Raises:
            ShapeError: images or target do not fit the network.
        """
        if tuple(images.shape[1:]) != self._shape or not images.is_floating_point():
            raise ShapeError(
                f"images are {tuple(images.shape)} {images.dtype}, the network was prepared for (n, {self._shape})",
                where="relevance",
                remedy="preprocess every batch alike",
            )
        with torch.no_grad():
            return self._for(images)(images.detach(), target)

    def stream(
        self, images: Tensor | Iterable[Tensor], target: Target = None, *, batch_size: int = 32
    ) -> Iterator[Relevance]:
        """Relevance batch by batch, so that nobody holds images × heatmaps.

        Args:
            images: one tensor, cut into batches of ``batch_size``; or batches, taken as they come.
            target: as in ``run``, over all images.
            batch_size: 32–64 gives 95 % of the speed of larger batches.
        """
        batches: Iterable[Tensor] = torch.split(images, batch_size) if isinstance(images, Tensor) else images
        start = 0
        for batch in batches:
            chosen = target if target is None or isinstance(target, int) else target[start : start + len(batch)]
            yield self.run(batch, chosen)
            start += len(batch)

    def _prepare(self, layers: Sequence[str] | None, fallback: Fallback | None) -> None:
        self._names, self._fallback = layers, fallback
        self._prepared = {
            size: _Prepared(traced, self.composite, layers, fallback) for size, traced in self._traced.items()
        }
        first = next(iter(self._prepared.values()))
        self.layers: tuple[str, ...] = tuple(layer.name for layer in first.layers)
        self.rules = first.rules
        self.fallbacks = first.fallbacks

    def _for(self, images: Tensor) -> _Prepared:
        prepared = self._prepared.get(None) or self._prepared.get(len(images))
        if prepared is None:
            # the network fixes its batch size: one export a size
            traced = self._traced.setdefault(len(images), _Traced(self._module, images))
            prepared = _Prepared(traced, self.composite, self._names, self._fallback)
            self._prepared[len(images)] = prepared
        return prepared


class _Traced:
    """An exported and canonised network with the names of its layers."""

    def __init__(self, module: nn.Module, example: Tensor) -> None:
        with torch.no_grad():
            self.program = trace(module, example)
            layers = named_layers(self.program)
            moved = canonise(self.program).moved
            _fold_constants(self.program.operations)
        self.layers = tuple(Layer(layer.name, moved.get(layer.input, layer.input)) for layer in layers)


class _Prepared:
    """A planned network, for any batch size or for one."""

    def __init__(
        self, traced: _Traced, composite: Composite, names: Sequence[str] | None, fallback: Fallback | None
    ) -> None:
        self.program, self.composite = traced.program, composite
        self.layers = choose(traced.layers, names)
        self.plan: Plan = make_plan(self.program, self.layers, composite, fallback)
        steps = [self.plan.steps[i] for i in reversed(self.plan.backward)]
        self.fallbacks = tuple((step.operation.where, step.operation.operator) for step in steps if step.fallback)
        self.rules = tuple(_applied(step, composite) for step in steps if step.operation.operator != "getitem")

    def __call__(self, images: Tensor, target: Target) -> Relevance:
        values, shapes, saved = self._forward(images)
        output: Tensor = values[self.program.output]
        chosen = _targets(output, target)
        start = _initial_relevance(output, chosen)
        score = _sum_by_image(start, (0, 1), len(images))
        heatmaps, totals = self._backward(start, values, shapes, saved, len(images))
        conservation = {name: freeze(conservation_error(totals[name], score)) for name in totals}
        names = tuple(layer.name for layer in self.layers)
        return Relevance(
            layers=names,
            heatmaps={name: heatmaps[name] for name in names},
            conservation={name: conservation[name] for name in names},
            target=freeze(chosen.numpy()),
            score=freeze(score),
            composite=self.composite.name,
            fallbacks=self.fallbacks,
            rules=self.rules,
            warnings=warnings_of(heatmaps, conservation, self.fallbacks),
        )

    def _forward(self, images: Tensor) -> tuple[list[Any], list[Any], dict[int, Any]]:
        operations = self.program.operations
        values: list[Any] = [operation.constant for operation in operations]
        shapes: list[Any] = [None] * len(operations)
        saved: dict[int, Any] = {}
        values[self.program.input] = images
        shapes[self.program.input] = images.shape
        for i in self.plan.forward:
            step = self.plan.steps[i]
            operation = step.operation
            if i == self.program.input:
                continue
            args = resolve(operation.args, values)
            if step.in_place:
                values[i] = args[0].relu_()
            elif step.run is not None:
                values[i], saved[i] = step.run(*args, **operation.kwargs)
            else:
                assert operation.run is not None
                values[i] = operation.run(*args, **resolve_kwargs(operation, values))
            value = values[i]
            # an operation with many outputs has as many shapes
            shapes[i] = value.shape if isinstance(value, Tensor) else [getattr(v, "shape", None) for v in _many(value)]
            for j in step.frees:
                values[j] = None
        return values, shapes, saved

    def _backward(
        self, start: Tensor, values: list[Any], shapes: list[Any], saved: dict[int, Any], n: int
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, Vector]]:
        relevance: dict[int, Any] = {self.program.output: start}
        sums: dict[int, Vector] = {}
        heatmaps: dict[str, NDArray[np.float32]] = {}
        totals: dict[str, Vector] = {}
        stops = self.plan.stops
        order = iter(sorted({*self.plan.backward, *stops}, reverse=True))
        passes = set(self.plan.backward)
        for i in order:
            if i in stops:
                heatmap = self._heatmap(i, relevance.get(i), shapes)
                total = self._cut(relevance, sums, n)
                for name in stops[i]:
                    heatmaps[name], totals[name] = heatmap, total
            if i in passes:
                R = relevance.pop(i, None)
                sums.pop(i, None)
                step = self.plan.steps[i]
                if R is not None:
                    self._pass(step, R, relevance, sums, values, shapes, saved)
                for j in step.frees_back:
                    values[j] = None
        return heatmaps, totals

    def _pass(
        self,
        step: Step,
        R: Any,
        relevance: dict[int, Any],
        sums: dict[int, Vector],
        values: list[Any],
        shapes: list[Any],
        saved: dict[int, Any],
    ) -> None:
        operation = step.operation
        if operation.operator == "getitem":
            source, which = operation.signals[0], operation.args[1]
            parts = relevance.setdefault(source, [None] * len(shapes[source]))
            parts[which] = R if parts[which] is None else parts[which] + R
            return
        shares = self._shares(step, R, values, shapes, saved)
        for j, share in zip(operation.signals, shares, strict=True):
            if share is not None:
                relevance[j] = share if j not in relevance else relevance[j] + share
                sums.pop(j, None)

    def _shares(self, step: Step, R: Any, values: list[Any], shapes: list[Any], saved: dict[int, Any]) -> Shares:
        operation = step.operation
        call = Call()
        call.operation, call.composite, call.cache = operation, self.composite, step.cache
        call.args, call.kwargs = resolve(operation.args, values), resolve_kwargs(operation, values)
        call.signals = [values[j] for j in operation.signals]
        call.shapes = [shapes[j] for j in operation.signals]
        call.output = values[step.output_from] if step.reads_output else None
        call.saved, call.rectified = saved.pop(operation.index, None), step.rectified
        call.nonnegative, call.takes = step.nonnegative, step.takes
        if step.rule is None:
            return gradient_fallback(call, R)
        return step.rule.share(call, R)

    def _heatmap(self, i: int, R: Tensor | None, shapes: list[Any]) -> NDArray[np.float32]:
        # nothing arrives where only gates read the tensor: zero is then the answer
        R = torch.zeros(shapes[i]) if R is None else R
        batch = self.program.operations[i].batch
        R = R if batch is None else R.movedim(batch[0], 0)
        return freeze(R.to(torch.float32).contiguous().numpy())

    def _cut(self, relevance: dict[int, Any], sums: dict[int, Vector], n: int) -> Vector:
        total = np.zeros(n)
        for i, R in relevance.items():
            if i not in sums:
                parts = R if isinstance(R, list) else [R]
                batch = self.program.operations[i].batch or (0, 1)
                sums[i] = np.sum([_sum_by_image(part, batch, n) for part in parts if part is not None], axis=0)
            total = total + sums[i]
        return total


def resolve_kwargs(operation: Operation, values: list[Any]) -> dict[str, Any]:
    """Keyword arguments with values in place."""
    return {key: resolve(value, values) for key, value in operation.kwargs.items()}


def _many(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _fold_constants(operations: list[Operation]) -> None:
    known = {operation.index for operation in operations if operation.operator == "constant"}
    for operation in operations:
        if operation.run is None or operation.signal or operation.index in known or not operation.inputs:
            continue
        if all(i in known for i in operation.inputs) and operation.operator != "getitem":
            values = [other.constant for other in operations]
            operation.constant = operation.run(*resolve(operation.args, values), **resolve_kwargs(operation, values))
            known.add(operation.index)


def _applied(step: Step, composite: Composite) -> AppliedRule:
    operation = step.operation
    if step.rule is None:
        rule = "gradient fallback"
    elif step.rule.weighted:
        rule = repr(composite.weight_rule(operation))
    else:
        rule = step.rule.name
    return AppliedRule(operation.where, operation.operator, rule)


def _targets(output: Tensor, target: Target) -> Tensor:
    if output.ndim < 2:
        raise ShapeError(
            f"the network answers {tuple(output.shape)}, not (n, k)",
            where="output",
            remedy="return one row of outputs an image",
        )
    n, k = output.shape[:2]
    if target is None:
        return output.flatten(2).sum(2).argmax(1) if output.ndim > 2 else output.argmax(1)
    chosen = torch.as_tensor(target).to(torch.int64).expand(n) if isinstance(target, int) else _vector(target)
    if chosen.shape != (n,):
        raise ShapeError(f"{tuple(chosen.shape)} targets for {n} images", where="target", remedy="give one an image")
    if n and not (int(chosen.min()) >= 0 and int(chosen.max()) < k):
        raise ShapeError(f"a target lies outside 0 … {k - 1}", where="target", remedy=f"the network has {k} outputs")
    return chosen.clone()


def _vector(target: Sequence[int] | Indices | Tensor) -> Tensor:
    if isinstance(target, Tensor):
        return target.detach().reshape(-1).to(torch.int64)
    # a copy: torch does not take read-only arrays, such as our own .target
    return torch.from_numpy(np.array(target, dtype=np.int64).reshape(-1))


def _initial_relevance(output: Tensor, target: Tensor) -> Tensor:
    rows = torch.arange(len(output))
    start = torch.zeros_like(output)
    start[rows, target] = output[rows, target]
    return start


def _sum_by_image(R: Tensor, batch: tuple[int, int], n: int) -> Vector:
    axis, multiple = batch
    if n == 0 or R.shape[axis] != n * multiple:
        return np.full(n, np.nan)
    # (n·multiple) is n-major wherever a view merged heads or windows into the batch
    R = R.movedim(axis, 0).reshape(n, -1)
    return R.sum(1).to(torch.float64).numpy()
