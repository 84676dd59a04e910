"""Atlas: a finished run at hand: its root causes, its report, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failatlas.errors import UsageError

if TYPE_CHECKING:
    from failatlas.images import ImageSet
    from failatlas.rootcauses import RootCause, RootCauses
    from failatlas.runs import Assignment, Inputs, Run, Settings


class Atlas:
    """A run at hand: what was found, and what can be asked of it.

    Attributes:
        path: the run folder.
        run: the results of all stages.
        settings: how they came about.
    """

    def __init__(self, path: Path, run: Run, settings: Settings, inputs: Callable[[], Inputs]) -> None:
        self.path = path
        self.run = run
        self.settings = settings
        self._open_inputs = inputs
        self._inputs: Inputs | None = None

    @property
    def inputs(self) -> Inputs:
        """Images, network and task; opened when they are first needed.

        Raises:
            DataError: images or network have changed since the analysis.
        """
        if self._inputs is None:
            self._inputs = self._open_inputs()
        return self._inputs

    @property
    def clusters(self) -> tuple[RootCause, ...]:
        """The root causes, highest risk first."""
        return self.run.root_causes.causes

    @property
    def root_causes(self) -> RootCauses:
        """The root causes and the noise group."""
        return self.run.root_causes

    def report(self, folder: Path | str | None = None) -> Path:
        """Write the report and return its first page; default: ``report/`` in the run folder."""
        from failatlas.report import gather, write

        return write(gather(self.run, self.inputs, self.settings), Path(folder) if folder else self.path / "report")

    def assign(self, images: ImageSet | Path | str, *, split: str | None = None) -> Assignment:
        """Put new images into the clusters.

        Raises:
            UsageError: the run's features were supplied by the user.
        """
        from failatlas.images import ImageSet
        from failatlas.runs import assign

        opened = images if isinstance(images, ImageSet) else ImageSet.open(images, split=split)
        return assign(self.run, opened, self.inputs.model, self.settings)

    def explain(self, image: str, folder: Path | str) -> Explanation:
        """Write the heatmaps of one image, a PNG a layer, and say what the network made of it.

        Raises:
            UsageError: there is no such image in the run.
            ModelError: the network is a black box.
        """
        from failatlas.report import write_heatmaps
        from failatlas.runs import layer_maps

        position = {name: i for i, name in enumerate(self.run.outcomes.ids)}.get(image)
        if position is None:
            raise UsageError(
                f"no image {image!r} in this run", where=str(self.path), remedy="clusters.csv lists the ids"
            )
        pixels, maps = layer_maps(self.run, self.inputs, self.settings, position)
        files = write_heatmaps(pixels, maps, Path(folder), image)
        outcomes = self.run.outcomes
        return Explanation(image, outcomes.expected[position], outcomes.predicted[position], files)

    def to_json(self) -> dict[str, Any]:
        """The summary that ``analyze --json`` prints."""
        run = self.run
        noise, variance, known = run.root_causes.noise, run.root_causes.variance, run.root_causes.known
        return {
            "run": str(self.path),
            "images": len(run.outcomes.ids),
            "errors": int(run.outcomes.is_error.sum()),
            "quarantined": len(run.quarantined),
            "pipeline": run.pipeline,
            "choice": run.choice.to_json() if run.choice is not None else None,
            "clusters": run.root_causes.table(),
            "noise": noise.size if noise else 0,
            "variance": variance.table() if variance else None,
            "known_causes": known.to_json() if known else None,
            "report": str(self.path / "report" / "index.html"),
        }

    def __repr__(self) -> str:
        return f"<Atlas {self.path}: {self.run!r}>"

    def _repr_html_(self) -> str:
        return self.run.root_causes._repr_html_()


@dataclass(frozen=True, slots=True)
class Explanation:
    """One image explained: what was expected, what was predicted, and a PNG a layer."""

    image: str
    expected: str
    predicted: str
    files: tuple[Path, ...]

    def to_json(self) -> dict[str, object]:
        """For ``--json``."""
        return {
            "image": self.image,
            "expected": self.expected,
            "predicted": self.predicted,
            "files": [str(file) for file in self.files],
        }
