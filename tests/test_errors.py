from __future__ import annotations

import copy
import inspect

import pytest

from failatlas import errors
from failatlas.errors import DataError, FailatlasError, ShapeError, UnsafeInputError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


def test_an_error_is_one_line_whatever_a_hostile_name_holds():
    error = DataError("bad \x1b[2J name\n", where="a\r\nb\udcff‮", remedy="look")
    text = str(error)
    assert text.isprintable()
    assert text == r"E_DATA: bad \x1b[2J name\n at a\r\nb\udcff\u202e. Next: look"


def test_place_and_next_step_may_be_missing():
    assert str(UnsafeInputError("a pickle")) == "E_UNSAFE: a pickle"


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_comes_back_whole_from_another_process(kind):
    error = kind("what", where="where", remedy="remedy", code="E_OWN")
    again = copy.copy(error)  # by the same protocol as a worker process
    assert type(again) is kind
    assert again.to_json() == error.to_json() == {"code": "E_OWN", "what": "what", "where": "where", "remedy": "remedy"}
    assert again.exit_status == kind.exit_status


def test_exit_statuses_are_the_documented_ones():
    statuses = {kind.code: kind.exit_status for kind in KINDS}
    assert set(statuses.values()) == {1, 2, 3, 4, 5, 130}
    assert len(statuses) == len(KINDS), "every kind has a code of its own"
    assert issubclass(ShapeError, DataError)
    assert issubclass(DataError, FailatlasError)
