"""The simulator "road": a steering network's view of a road, with the wheel angle that pure pursuit gives."""

from failatlas.simulators.road.road import Road

__all__ = ["Road"]
