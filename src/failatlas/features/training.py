"""Training: epochs with a held-out fifth, the best weights kept, an early stop, and a checkpoint after every epoch.

One torch thread and a stream of random numbers an epoch, so that the weights are the same bytes on every machine of a
kind, in one go or resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Indices, Vector, freeze
from failatlas.curves import Curve
from failatlas.errors import DataError, ModelError
from failatlas.features.learning import Checkpoints, State
from failatlas.progress import Listener, step
from failatlas.seeds import derive, generator

if TYPE_CHECKING:
    import torch

Weights: TypeAlias = Mapping[str, NDArray[np.float32]]  # by the name of the parameter
Loss: TypeAlias = "Callable[[Indices], torch.Tensor]"  # rows of the lessons → their mean loss, by the module as it is

HELD_OUT = 5  # one lesson in so many is never learnt from
GAIN = 1e-3  # a held-out loss counts as better when it is so much less, relatively: the rest is noise
_MOMENTS = ("exp_avg", "exp_avg_sq")  # what AdamW remembers of every weight


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast.

    Attributes:
        epochs: most of them.
        patience: so many in a row without a better held-out loss end it.
        batch: lessons a step.
        decay: weight decay of AdamW.
    """

    epochs: int
    patience: int
    batch: int
    decay: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """How a training went.

    Attributes:
        losses: (epochs, 2) float64: mean training loss and held-out loss.
        best: the epoch whose weights were kept, from 1.
        ending: one sentence.
    """

    losses: NDArray[np.float64]
    best: int
    ending: str

    def curves(self, criterion: str) -> tuple[Curve, ...]:
        """Held-out and training loss over epochs, the kept epoch marked."""
        x = freeze(np.arange(1, len(self.losses) + 1, dtype=np.float64))
        return tuple(
            Curve("epoch", f"{which} {criterion}", x, freeze(self.losses[:, column].copy()), self.best, rule)
            for which, column, rule in (
                ("held-out", 1, "lowest held-out loss"),
                ("training", 0, "lowest held-out loss"),
            )
        )


def split(n: int, seed: int, purpose: str) -> tuple[Indices, Indices]:
    """Rows to learn from and the held-out fifth, each ascending; one lesson alone is both.

    >>> [part.tolist() for part in split(1, 0, "autoencoder")]
    [[0], [0]]
    """
    order = generator(seed, purpose, "held out").permutation(n)
    held = max(n // HELD_OUT, 1)
    return (np.sort(order[held:]) if n > 1 else order), np.sort(order[:held])


def train(
    module: torch.nn.Module,
    rates: Sequence[tuple[torch.nn.Module, float]],
    loss: Loss,
    n: int,
    plan: Plan,
    *,
    seed: int,
    purpose: str,
    checkpoints: Checkpoints,
) -> Trained:
    """Train a module and leave it with the weights of its best epoch; its mode stays as it is.

    AdamW, the rate falling to nothing over the bound by a half cosine, gradients clipped to norm 1.

    Args:
        module: all that is learnt; its initial weights are the caller's.
        rates: parts of it and the rate of each; what is in no part stays as it is.
        loss: mean loss of some rows of the lessons.
        n: lessons.
        plan: how long.
        seed: of everything random, with ``purpose``.
        purpose: names the random streams and the progress line.
        checkpoints: where it is kept between epochs.

    Raises:
        ModelError: nothing to learn from, or the loss is no number in the first epoch.
    """
    if n == 0:
        raise ModelError(f"{purpose} has nothing to learn from", remedy="give it images")
    with one_thread():
        return _Course(module, rates, loss, n, plan, seed, purpose, checkpoints).run()


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread and by its deterministic kernels: more threads add in another order."""
    import torch

    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)


@contextmanager
def seeded(seed: int, *purpose: str | int) -> Iterator[None]:
    """Torch's global generator at a seed for one purpose, for weights that modules draw when they are made."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, *purpose))
        yield


def weights_of(module: torch.nn.Module) -> Weights:
    """A module's parameters and buffers as arrays that can be stored."""
    return {name: freeze(value.detach().numpy().copy(order="C")) for name, value in _floats(module)}


def load(module: torch.nn.Module, weights: Weights) -> None:
    """Put stored weights back.

    Raises:
        DataError: they are those of another module.
    """
    import torch

    own = dict(_floats(module))
    if {name: tuple(value.shape) for name, value in own.items()} != {n: a.shape for n, a in weights.items()}:
        raise DataError(
            "stored weights do not fit their network", remedy="run failatlas analyze again", code="E_LEARNT"
        )
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(torch.from_numpy(np.array(weights[name])))  # a copy: a stored array is read-only


class _Course:
    """The epochs of one training."""

    def __init__(
        self,
        module: torch.nn.Module,
        rates: Sequence[tuple[torch.nn.Module, float]],
        loss: Loss,
        n: int,
        plan: Plan,
        seed: int,
        purpose: str,
        checkpoints: Checkpoints,
    ) -> None:
        import torch

        self.module, self.loss, self.plan = module, loss, plan
        self.seed, self.purpose, self.checkpoints = seed, purpose, checkpoints
        self.rows, self.held = split(n, seed, purpose)
        self.rates = [rate for _, rate in rates]
        groups = [{"params": list(part.parameters()), "lr": rate} for part, rate in rates]
        self.adam = torch.optim.AdamW(groups, weight_decay=plan.decay)
        self.losses = np.zeros((0, 2))
        self.best = _packed(module)
        self._resume(checkpoints.last())

    def run(self) -> Trained:
        size = len(self.rows) + len(self.held)
        diverged = ""
        with step(f"training {self.purpose}", self.plan.epochs * size) as whole:
            whole.advance(len(self.losses) * size)
            while not self._is_over() and not diverged:
                epoch = len(self.losses)
                best = f", held-out loss so far {self.losses[self._best(), 1]:.4g}" if epoch else ""
                with step(f"epoch {epoch + 1} of at most {self.plan.epochs}{best}", size) as told:
                    found = self._epoch(epoch, told)
                whole.advance(size)
                if np.isfinite(found).all():
                    self._keep(found)
                else:
                    diverged = f"the loss became {found[~np.isfinite(found)][0]} in epoch {epoch + 1}"
        if diverged and not len(self.losses):
            raise ModelError(
                f"training {self.purpose}: {diverged}",
                remedy="check that the images are not all alike, or take another extractor",
                code="E_TRAINING_DIVERGED",
            )
        _unpack(self.module, self.best)
        return Trained(self.losses, self._best() + 1, self._ending(diverged))

    def _epoch(self, epoch: int, told: Listener) -> Vector:
        """Mean training loss and held-out loss of one epoch."""
        import torch

        order = generator(self.seed, self.purpose, "epoch", epoch).permutation(self.rows)
        batches = np.array_split(order, -(-len(order) // self.plan.batch))
        total = 0.0
        parameters = [value for group in self.adam.param_groups for value in group["params"]]
        for number, rows in enumerate(batches):
            self._set_rates((epoch + number / len(batches)) / self.plan.epochs)
            self.adam.zero_grad()
            loss = self.loss(rows)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            # one photograph unlike all others must not throw the rest out
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            self.adam.step()
            total += loss.item() * len(rows)
            told.advance(len(rows))
        held = 0.0
        with torch.no_grad():
            for rows in np.array_split(self.held, -(-len(self.held) // self.plan.batch)):
                held += self.loss(rows).item() * len(rows)
                told.advance(len(rows))
        return np.array([total / len(self.rows), held / len(self.held)])

    def _keep(self, found: Vector) -> None:
        self.losses = np.vstack([self.losses, found])
        if self._best() == len(self.losses) - 1:
            self.best = _packed(self.module)
        self.checkpoints.keep(self._state())

    def _set_rates(self, share: float) -> None:
        for group, rate in zip(self.adam.param_groups, self.rates, strict=True):
            group["lr"] = rate * 0.5 * (1 + np.cos(np.pi * share))

    def _best(self) -> int:
        """The epoch kept, from 0: the last one that was better by more than noise than all before it."""
        best = 0
        for epoch, loss in enumerate(self.losses[:, 1].tolist()):
            if loss < self.losses[best, 1] * (1 - GAIN):
                best = epoch
        return best

    def _is_over(self) -> bool:
        done = len(self.losses)
        return done >= self.plan.epochs or (done > 0 and done - 1 - self._best() >= self.plan.patience)

    def _ending(self, diverged: str) -> str:
        best = self._best()
        reached = f"held-out loss {self.losses[best, 1]:.4g} in epoch {best + 1} of {len(self.losses)}"
        if diverged:
            return f"{reached}; {diverged}: the weights before it were kept"
        if len(self.losses) < self.plan.epochs:
            return f"{reached}; stopped early, {self.plan.patience} epochs were no better"
        return f"{reached}; it ended at the bound of {self.plan.epochs} epochs"

    def _state(self) -> State:
        moments: dict[str, list[NDArray[np.float32]]] = {name: [] for name in _MOMENTS}
        for group in self.adam.param_groups:
            for value in group["params"]:
                known = self.adam.state[value]
                for name, parts in moments.items():
                    moment = known[name] if known else value.new_zeros(value.shape)
                    parts.append(moment.numpy().reshape(-1))
        return {
            "losses": self.losses,
            "module": _packed(self.module),
            "best": self.best,
            **{name: np.concatenate(parts) for name, parts in moments.items()},
        }

    def _resume(self, state: State | None) -> None:
        import torch

        if state is None:
            return
        self.losses = np.array(state["losses"], np.float64)
        self.best = np.array(state["best"], np.float32)
        _unpack(self.module, np.array(state["module"], np.float32))
        n_steps = len(self.losses) * -(-len(self.rows) // self.plan.batch)
        restored: dict[int, dict[str, Any]] = {}
        at = 0
        for group in self.adam.param_groups:
            for value in group["params"]:
                moments = {
                    name: torch.from_numpy(np.array(state[name][at : at + value.numel()])).reshape(value.shape)
                    for name in _MOMENTS
                }
                restored[len(restored)] = {"step": torch.tensor(float(n_steps)), **moments}
                at += value.numel()
        self.adam.load_state_dict({"state": restored, "param_groups": self.adam.state_dict()["param_groups"]})


def _floats(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [(name, value) for name, value in module.state_dict().items() if value.is_floating_point()]


def _packed(module: torch.nn.Module) -> NDArray[np.float32]:
    """All weights in one row: a checkpoint of a hundred arrays would wait for the disk a hundred times."""
    return np.concatenate([value.numpy().reshape(-1) for _, value in _floats(module)])


def _unpack(module: torch.nn.Module, row: NDArray[np.float32]) -> None:
    import torch

    at = 0
    with torch.no_grad():
        for _, value in _floats(module):
            value.copy_(torch.from_numpy(row[at : at + value.numel()]).reshape(value.shape))
            at += value.numel()
