"""Driver: a person at the wheel - face or one eye - with everything that can go wrong for a camera that watches."""

from failatlas.simulators.driver.driver import Driver
from failatlas.simulators.driver.landmarks import NAMES, PARTS
from failatlas.simulators.driver.space import IDENTITY
from failatlas.simulators.driver.subjects import subject

__all__ = ["IDENTITY", "NAMES", "PARTS", "Driver", "subject"]
