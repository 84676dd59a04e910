"""Simulators: from declared parameters to a picture whose cause of failure is known."""

from failatlas.simulators.simulator import Rendering, Simulator, simulators

__all__ = ["Rendering", "Simulator", "simulators"]
