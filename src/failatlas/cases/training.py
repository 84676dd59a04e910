"""Training: the reference network of a rendered case study, reproducibly; a killed one goes on from its last epoch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Mask
from failatlas.cases.making import make_rendered
from failatlas.cases.recipe import Recipe
from failatlas.cases.rendered import RenderedCase
from failatlas.cases.weakness import KNOWN_CAUSE
from failatlas.errors import DataError, UsageError
from failatlas.features.training import one_thread
from failatlas.images import ImageSet
from failatlas.progress import step, track
from failatlas.seeds import derive
from failatlas.statistics import clopper_pearson
from failatlas.store import write_atomically

if TYPE_CHECKING:
    import torch

    from failatlas.models.model import Preprocess

Pictures: TypeAlias = NDArray[np.uint8]  # (n, h, w, 3)

MASKED = 1e-5  # as failatlas.tasks.landmarks: such a coordinate is not marked
_CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Errors of a group of test pictures, with the 95 % Clopper–Pearson interval of their share."""

    images: int
    errors: int
    rate: float | None
    low: float
    high: float

    @classmethod
    def of(cls, is_error: Mask) -> ErrorRate:
        """The rate of (n,) verdicts; None where there are none."""
        n, errors = len(is_error), int(is_error.sum())
        share = clopper_pearson(errors, n)
        return cls(n, errors, share.value if n else None, share.low, share.high)


@dataclass(frozen=True, slots=True)
class Card:
    """What there is to know of a reference network.

    Attributes:
        case: name.
        sha256: of ``network.safetensors``.
        weights: numbers in it.
        recipe: how it was trained.
        n_train: pictures it saw.
        torch: version.
        test: errors on the reference test set.
        ordinary: errors where no weakness holds.
        weaknesses: errors a weakness, by name.
    """

    case: str
    sha256: str
    weights: int
    recipe: Recipe
    n_train: int
    torch: str
    test: ErrorRate
    ordinary: ErrorRate
    weaknesses: dict[str, ErrorRate]

    def to_json(self) -> dict[str, Any]:
        """As in ``card.json``."""
        return {"schema": 1, **asdict(self)}


def train(case: RenderedCase, out: Path, *, recipe: Recipe | None = None, n_train: int | None = None) -> Card:
    """Render the training set, train, test, and write ``network.safetensors`` and ``card.json``.

    Args:
        case: which.
        out: folder; holds the sets and, between epochs, a checkpoint. The same call again goes on where it stopped,
            to the same weights as an unbroken one.
        recipe: instead of the case's own.
        n_train: training pictures instead of the case's own number.

    Raises:
        UsageError: the folder holds a training of another kind.
        DataError: the loss is no number any more.
        ResourceError: disk full, no permission.
    """
    from safetensors.torch import save

    recipe = recipe or case.recipe
    images = _made(case, out, "train", n_train)
    finished = _finished(out, recipe, len(images))
    if finished is not None:
        return finished
    # little is lost: 0.66 ms a picture of 64 px on one thread, 0.59 on two
    with one_thread():
        module = _trained(case, recipe, images, out)
    content = save({name: tensor.contiguous() for name, tensor in module.state_dict().items()})
    card = _card(case, out, module, content, recipe, len(images))
    write_atomically(out / "network.safetensors", content)
    write_atomically(out / "card.json", _text(card))
    (out / _CHECKPOINT).unlink(missing_ok=True)
    return card


def _finished(out: Path, recipe: Recipe, n_train: int) -> Card | None:
    """The card of a training that ended in this folder; None when none did.

    Raises:
        UsageError: it had another recipe.
    """
    if not ((out / "card.json").is_file() and (out / "network.safetensors").is_file()):
        return None
    told = json.loads((out / "card.json").read_text(encoding="utf-8"))
    if (Recipe(**told["recipe"]), told["n_train"]) != (recipe, n_train):
        raise UsageError("the folder holds a training of another kind", where=str(out), remedy="name another folder")
    rates = {name: ErrorRate(**told.pop(name)) for name in ("test", "ordinary")}
    weaknesses = {name: ErrorRate(**rate) for name, rate in told.pop("weaknesses").items()}
    kept = {name: value for name, value in told.items() if name not in ("schema", "recipe")}
    return Card(recipe=recipe, test=rates["test"], ordinary=rates["ordinary"], weaknesses=weaknesses, **kept)


def retest(case: RenderedCase, out: Path) -> Card:
    """The card anew, of the network that ``train`` left in ``out``: when the test set changed and training did not."""
    from failatlas.models.weights import load_weights

    module = case.network.module().eval()
    load_weights(module, out / "network.safetensors")
    told = json.loads((out / "card.json").read_text(encoding="utf-8"))
    content = (out / "network.safetensors").read_bytes()
    card = _card(case, out, module, content, Recipe(**told["recipe"]), told["n_train"])
    write_atomically(out / "card.json", _text(card))
    return card


def _card(case: RenderedCase, out: Path, module: torch.nn.Module, content: bytes, recipe: Recipe, n_train: int) -> Card:
    import torch

    test = _made(case, out, "test", None)
    is_error = _errors(case, module, test)
    causes = np.array([str(record.metadata.get(KNOWN_CAUSE, "")) for record in test.records])
    return Card(
        case=case.name,
        sha256=hashlib.sha256(content).hexdigest(),
        weights=sum(p.numel() for p in module.parameters()),
        recipe=recipe,
        n_train=n_train,
        torch=torch.__version__.partition("+")[0],
        test=ErrorRate.of(is_error),
        ordinary=ErrorRate.of(is_error[causes == ""]),
        weaknesses={weakness.name: ErrorRate.of(is_error[causes == weakness.name]) for weakness in case.weaknesses},
    )


def _text(card: Card) -> bytes:
    return (json.dumps(card.to_json(), indent=1) + "\n").encode()


def _made(case: RenderedCase, out: Path, split: str, count: int | None) -> ImageSet:
    manifest, _ = make_rendered(case, out / split, split=split, count=count)
    return ImageSet.open(manifest)


def _trained(case: RenderedCase, recipe: Recipe, images: ImageSet, out: Path) -> torch.nn.Module:
    import torch

    pixels = _pixels(images)
    task = case.task_of()
    classes: Sequence[str] = getattr(task, "classes", ())
    targets = _targets(images, classes)
    torch.manual_seed(derive(recipe.seed, "weights", case.name))
    # channels last: a quarter less time for maps this small
    module = case.network.module().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    head = _last_linear(module)
    spread = _Spread.of(targets, classes)
    adam = torch.optim.AdamW(module.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    steps = -(-len(images) // recipe.batch)
    identity = f"{case.name} {images.record_digest()} {recipe}"
    first = _resume(out / _CHECKPOINT, module, adam, identity)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, recipe.rate, epochs=recipe.epochs, steps_per_epoch=steps)
    with step(f"training {case.name}", recipe.epochs * len(images)) as listener:
        _skip(schedule, first * steps)
        listener.advance(first * len(images))
        for epoch in range(first, recipe.epochs):
            # every epoch has a stream of its own, so that one resumed is one unbroken
            torch.manual_seed(derive(recipe.seed, "epoch", case.name, epoch))
            module.train()
            for rows in torch.split(torch.randperm(len(images)), recipe.batch):
                x, y = _augmented(pixels[rows.numpy()], targets[rows.numpy()], case.network.preprocess(), recipe)
                loss = _loss(module(x.contiguous(memory_format=torch.channels_last)), y, spread)
                if not bool(torch.isfinite(loss)):
                    raise DataError(f"the loss became {loss.item()} in epoch {epoch + 1}", remedy="lower the rate")
                adam.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                adam.step()
                schedule.step()
                listener.advance(len(rows))
            _checkpoint(out / _CHECKPOINT, module, adam, epoch + 1, identity)
    if spread is not None:
        spread.fold_into(head)
    trained: torch.nn.Module = module.to(memory_format=torch.contiguous_format)
    return trained.eval()


@dataclass(frozen=True, slots=True, eq=False)
class _Spread:
    """Mean and spread of numbers to be predicted: they are learned as z-scores, and folded into the last layer."""

    mean: torch.Tensor
    scale: torch.Tensor

    @classmethod
    def of(cls, targets: NDArray[Any], classes: Sequence[str]) -> _Spread | None:
        import torch

        if classes:
            return None
        known = np.where(targets > MASKED, targets, np.nan) if targets.shape[1] > 1 else targets
        mean, scale = np.nanmean(known, axis=0), np.nanstd(known, axis=0)
        return cls(torch.from_numpy(mean).float(), torch.from_numpy(np.maximum(scale, 1e-6)).float())

    def fold_into(self, head: torch.nn.Linear) -> None:
        import torch

        with torch.no_grad():
            head.weight.mul_(self.scale[:, None])
            head.bias.mul_(self.scale).add_(self.mean)


def _loss(outputs: torch.Tensor, targets: torch.Tensor, spread: _Spread | None) -> torch.Tensor:
    from torch.nn import functional

    if spread is None:
        return functional.cross_entropy(outputs, targets)
    apart = functional.smooth_l1_loss(outputs, (targets - spread.mean) / spread.scale, reduction="none")
    if targets.shape[1] == 1:
        return apart.mean()
    visible = (targets > MASKED).float()  # landmarks that nobody can see teach nothing
    return (apart * visible).sum() / visible.sum().clamp(min=1)


def _augmented(
    pixels: Pictures, targets: NDArray[Any], preprocess: Preprocess, recipe: Recipe
) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch as tensors; shifts and gains come from torch's generator, which every epoch seeds."""
    import torch

    from failatlas.models.preprocess import apply

    x = torch.from_numpy(apply(preprocess, list(pixels)))
    y = torch.from_numpy(targets)
    if recipe.gain:
        x = x * (1 + recipe.gain * (2 * torch.rand(len(x), 1, 1, 1) - 1))
    if recipe.shift_px:
        dx, dy = (int(v) for v in torch.randint(-recipe.shift_px, recipe.shift_px + 1, (2,)))
        x = _shifted(x, dx, dy)
        if y.ndim == 2 and y.shape[1] > 1:  # landmarks move along
            moved = y + torch.tensor([dx, dy] * (y.shape[1] // 2), dtype=y.dtype)
            y = torch.where(y > MASKED, moved, y)
    return x, y


def _shifted(x: torch.Tensor, dx: int, dy: int) -> torch.Tensor:
    from torch.nn import functional

    pad = max(abs(dx), abs(dy))
    height, width = x.shape[2:]
    return functional.pad(x, (pad,) * 4, mode="replicate")[
        :, :, pad - dy : pad - dy + height, pad - dx : pad - dx + width
    ]


def _targets(images: ImageSet, classes: Sequence[str]) -> NDArray[Any]:
    if classes:
        position = {name: i for i, name in enumerate(classes)}
        return np.array([position[record.label or ""] for record in images.records], np.int64)
    return np.array([record.target for record in images.records], np.float32)


def _pixels(images: ImageSet) -> Pictures:
    first = images.read(0).pixels
    stack = np.empty((len(images), *first.shape), np.uint8)
    for i in track(range(len(images)), "reading the training set", len(images)):
        stack[i] = images.read(i).pixels
    return stack


def _errors(case: RenderedCase, module: torch.nn.Module, images: ImageSet) -> Mask:
    from failatlas.models.module import TorchModel

    task = case.task_of()
    model = TorchModel(module, case.network.preprocess(), classes=getattr(task, "classes", ()))
    verdicts = [
        task.judge(model.predict(list(batch.pixels)), [images.records[i] for i in batch.indices]).is_error
        for batch in _batches(images)
    ]
    return np.concatenate(verdicts)


def _batches(images: ImageSet) -> Iterator[Any]:
    return images.batches(256)


def _last_linear(module: torch.nn.Module) -> torch.nn.Linear:
    from torch import nn

    linear = [part for part in module.modules() if isinstance(part, nn.Linear)]
    if not linear:
        raise UsageError("a reference network ends in a dense layer", remedy="mend the case's network")
    return linear[-1]


def _checkpoint(path: Path, module: torch.nn.Module, adam: torch.optim.Optimizer, epoch: int, identity: str) -> None:
    from safetensors.torch import save

    tensors = {f"module.{name}": tensor.contiguous() for name, tensor in module.state_dict().items()}
    for number, state in adam.state_dict()["state"].items():
        tensors |= {f"adam.{number}.{name}": tensor.contiguous() for name, tensor in state.items()}
    write_atomically(path, save(tensors, {"epoch": str(epoch), "identity": identity}))


def _resume(path: Path, module: torch.nn.Module, adam: torch.optim.Optimizer, identity: str) -> int:
    """Load a checkpoint; the number of epochs that are done, 0 without one."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return 0
    try:
        with safe_open(path, "pt") as file:
            facts = file.metadata()
            if facts["identity"] != identity:
                raise UsageError(
                    "the folder holds a training of another kind", where=str(path), remedy="name another folder"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, KeyError, TypeError) as error:
        raise DataError(f"damaged checkpoint: {error}", where=str(path), remedy="delete it") from error
    module.load_state_dict({k.removeprefix("module."): v for k, v in tensors.items() if k.startswith("module.")})
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        if name.startswith("adam."):
            _, number, what = name.split(".")
            state.setdefault(int(number), {})[what] = tensor
    adam.load_state_dict({"state": state, "param_groups": adam.state_dict()["param_groups"]})
    return int(facts["epoch"])


def _skip(schedule: torch.optim.lr_scheduler.OneCycleLR, steps: int) -> None:
    import warnings

    with warnings.catch_warnings():
        # torch warns that the schedule runs ahead of the optimizer: after a resume it must catch up
        warnings.simplefilter("ignore")
        for _ in range(steps):
            schedule.step()
