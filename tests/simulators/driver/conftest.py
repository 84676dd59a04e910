"""One driver a view for the whole session: rendering keeps buffers, which must not show."""

from __future__ import annotations

import pytest

from failatlas.simulators.driver import Driver


@pytest.fixture(scope="session")
def face():
    return Driver("face", 128)


@pytest.fixture(scope="session")
def eye():
    return Driver("eye", 96)
