"""Simulators: from declared parameters to a picture whose cause of failure is known."""

from failatlas.simulators.simulator import Rendering, Simulator, simulators
from failatlas.simulators.where import Condition

__all__ = ["Condition", "Rendering", "Simulator", "simulators"]
