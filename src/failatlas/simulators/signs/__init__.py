"""Signs: 43 traffic signs rendered on their poles, with every cause of failure as a parameter."""

from failatlas.simulators.signs.classes import CLASSES, SignClass
from failatlas.simulators.signs.simulator import SignSimulator

__all__ = ["CLASSES", "SignClass", "SignSimulator"]
