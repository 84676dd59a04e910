"""ONNX: a black box run by ONNX Runtime on the CPU."""

from __future__ import annotations

import ast
import copy
import dataclasses
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from failatlas.arrays import Features, Pixels
from failatlas.errors import ModelError, UnsafeInputError
from failatlas.models.digest import bytes_digest
from failatlas.models.model import Preprocess
from failatlas.models.preprocess import Input, apply
from failatlas.models.rows import as_rows, explained
from failatlas.models.screening import head

if TYPE_CHECKING:
    import onnx

# operator sets compiled into ONNX Runtime; anything else would need a library of the file's choice, never loaded
_BUILT_IN = frozenset({"", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview.training", "com.microsoft", "com.microsoft.nchwc"})
_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
_CLASS_KEYS = ("classes", "class_names", "names", "labels")


class OnnxModel:
    """A network in ONNX form as a ``Model``.

    Args:
        path: the ``.onnx`` file; weights outside it must lie in its folder.
        preprocess: default: size and channels from the input's shape, values in [0, 1].
        classes: default: from the file's metadata.

    Raises:
        UnsafeInputError: weights outside the folder.
        ModelError: not readable, custom operators, or more than one image input.
    """

    def __init__(self, path: Path, preprocess: Preprocess | None = None, *, classes: Sequence[str] = ()) -> None:
        import onnxruntime

        where = str(path)
        head(path, 1)
        data = path.read_bytes()
        graph = _parsed(data, where)
        external = _external_files(graph, path)
        _refuse_custom_operators(graph, where)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # its errors come as exceptions; its log would go to stderr
        try:
            self._session = onnxruntime.InferenceSession(
                # the bytes that were screened; the path only where weights lie beside it
                where if external else data,
                options,
                providers=["CPUExecutionProvider"],
            )
        except Exception as error:
            raise _unreadable(error, where) from None
        self.name = path.stem
        self.bad_weights = _bad_weights(graph, path.parent)
        self._input, shape, self._type = _image_input(self._session, where)
        self._channels_last = shape[3] in (1, 3) and shape[1] not in (1, 3)
        self.batch_size = shape[0]
        self.preprocess = _sized(preprocess, shape, self._channels_last, self._type)
        self.classes = tuple(classes) or _metadata_classes(graph)
        self._content = hashlib.sha256(b"".join([data, *(file.read_bytes() for file in external)])).digest()

    def __repr__(self) -> str:
        return f"<OnnxModel {self.name}: input {self._input}>"

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the file, its weights files and the preprocessing."""
        return bytes_digest(self._content, self.preprocess)

    def preprocessed(self, preprocess: Preprocess) -> OnnxModel:
        """The same network behind other preprocessing; shares the session."""
        other = copy.copy(self)
        other.preprocess = preprocess
        return other

    def predict(self, pixels: Sequence[Pixels]) -> Features:
        """Raw outputs of the first output, (n, k) float32.

        Raises:
            ModelError: ONNX Runtime refuses the input; carries its message.
            ShapeError: the output is not one row an image.
        """
        if not pixels:
            return np.zeros((0, len(self.classes)), dtype=np.float32)
        size = self.batch_size or len(pixels)
        return np.concatenate([self._run(pixels[i : i + size]) for i in range(0, len(pixels), size)])

    def _run(self, pixels: Sequence[Pixels]) -> Features:
        batch: Input = apply(self.preprocess, pixels)
        missing = (self.batch_size or len(batch)) - len(batch)
        if missing:
            batch = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])
        given = batch.transpose(0, 2, 3, 1) if self._channels_last else batch
        try:
            outputs = self._session.run(None, {self._input: np.ascontiguousarray(given, dtype=self._type)})
        except Exception as error:
            raise explained(error, where=self.name, shape=given.shape) from error
        return as_rows(outputs[0], len(batch), where=self.name)[: len(pixels)]


def n_threads() -> int:
    """Threads that this process may use: ``OMP_NUM_THREADS``, else the cores it is allowed to run on."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _parsed(data: bytes, where: str) -> onnx.ModelProto:
    import onnx

    try:
        model = onnx.ModelProto.FromString(data)
    except Exception as error:
        raise _unreadable(error, where) from None
    if not model.graph.output:
        raise _unreadable("it has no graph with outputs", where)
    return model


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                if inner.node or inner.initializer:
                    yield from _tensors(inner)


def _all_tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from _tensors(model.graph)
    for function in model.functions:
        for node in function.node:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)


def _external_files(model: onnx.ModelProto, path: Path) -> list[Path]:
    folder = path.parent.resolve()
    files = set()
    for tensor in _all_tensors(model):
        for location in (entry.value for entry in tensor.external_data if entry.key == "location"):
            file = (folder / location).resolve()
            # resolved, so that a link inside the folder cannot lead out of it either
            if not file.is_relative_to(folder) or file == path.resolve() or "\\" in location:
                raise UnsafeInputError(
                    f"weights of {tensor.name!r} are said to lie in {location!r}, outside the model's folder",
                    where=str(path),
                    remedy="put the weights beside the model, or into it",
                    code="E_ONNX_UNSAFE",
                )
            if not file.is_file():
                raise ModelError(
                    f"its weights file {location!r} is not there", where=str(path), remedy="copy it beside the model"
                )
            files.add(file)
    return sorted(files)


def _refuse_custom_operators(model: onnx.ModelProto, where: str) -> None:
    own = {function.domain for function in model.functions}  # functions are graphs inside the file, no code
    for node in (*model.graph.node, *(node for function in model.functions for node in function.node)):
        if node.domain not in _BUILT_IN and node.domain not in own:
            raise ModelError(
                f"operator {node.domain}.{node.op_type} needs a custom operator library, which is never loaded",
                where=f"{where}, node {node.name or node.output[0]}",
                remedy="export the network with standard operators",
                code="E_ONNX_OPERATOR",
            )


def _bad_weights(model: onnx.ModelProto, folder: Path) -> str:
    from onnx import numpy_helper

    for tensor in model.graph.initializer:
        array = np.asarray(numpy_helper.to_array(tensor, base_dir=str(folder)))
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return str(tensor.name)
    return ""


def _image_input(session: Any, where: str) -> tuple[str, tuple[int | None, ...], type[np.generic]]:
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in _TYPES:
        shown = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
        raise ModelError(
            f"the network takes {shown or 'no input'}",
            where=where,
            remedy="export a network that takes one batch of images (n, c, h, w)",
            code="E_ONNX",
        )
    shape = tuple(side if isinstance(side, int) and side > 0 else None for side in inputs[0].shape)
    return inputs[0].name, shape, _TYPES[inputs[0].type]


def _sized(
    preprocess: Preprocess | None, shape: tuple[int | None, ...], channels_last: bool, kind: type[np.generic]
) -> Preprocess:
    height, width, channels = (shape[1], shape[2], shape[3]) if channels_last else (shape[2], shape[3], shape[1])
    size = (height, width) if height is not None and width is not None else None
    if preprocess is None:
        scale = 1.0 if kind is np.uint8 else Preprocess().scale
        return Preprocess(size=size, channels=channels if channels in (1, 3) else 3, scale=scale)
    return dataclasses.replace(preprocess, size=size) if preprocess.size is None else preprocess


def _metadata_classes(model: onnx.ModelProto) -> tuple[str, ...]:
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    text = next((metadata[key] for key in _CLASS_KEYS if metadata.get(key)), "")
    if not text or len(text) > 1_000_000:
        return ()
    try:
        # exporters write JSON lists, Python lists, or {0: "cat"}; literal_eval reads all and runs nothing
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        names = text.split(",")
    if isinstance(names, dict):
        names = [names[key] for key in sorted(names, key=lambda key: int(key) if str(key).isdigit() else 0)]
    if not isinstance(names, list | tuple):
        return ()
    return tuple(str(name).strip() for name in names)


def _unreadable(error: object, where: str) -> ModelError:
    line = (str(error).splitlines() or [""])[0]
    return ModelError(
        f"ONNX Runtime cannot read the network: {line[:300]}", where=where, remedy="export it again", code="E_ONNX"
    )
