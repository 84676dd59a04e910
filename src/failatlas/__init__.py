"""failatlas: an atlas of a vision network's failures."""

__version__ = "0.1.0"
