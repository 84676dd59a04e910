"""Driver: a person at the wheel - face or one eye - with everything that can go wrong for a camera that watches."""

from failatlas.simulators.driver.driver import Driver

__all__ = ["Driver"]
