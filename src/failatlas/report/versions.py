"""Versions: the packages, Python and platform that made a report."""

from __future__ import annotations

import platform
from importlib import metadata

from failatlas import __version__

_PACKAGES = ("numpy", "scipy", "scikit-learn", "umap-learn", "torch", "onnxruntime", "pillow")


def versions() -> dict[str, str]:
    """Package → version, Python and platform included; a package that is not installed is left out."""
    found = {"failatlas": __version__}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found | {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
