"""Simulators: from declared parameters to a picture whose cause of failure is known."""

from failatlas.simulators.batches import Failure, render_each, render_many
from failatlas.simulators.foreign import open_simulator
from failatlas.simulators.simulator import Rendering, Simulator, simulators
from failatlas.simulators.where import Condition

__all__ = [
    "Condition",
    "Failure",
    "Rendering",
    "Simulator",
    "open_simulator",
    "render_each",
    "render_many",
    "simulators",
]
