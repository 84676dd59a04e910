from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from failatlas.errors import FailatlasError, ModelError, UnsafeInputError
from failatlas.models.weights import load_weights, screen_safetensors


def write(path: Path, header: dict | str | bytes, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else (header if isinstance(header, str) else json.dumps(header)).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def entry(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.fixture
def saved(net, tmp_path):
    path = tmp_path / "net.safetensors"
    save_file(net.state_dict(), path)
    return path


def test_weights_that_were_saved_come_back_bit_for_bit(net, saved):
    other = type(net)()
    load_weights(other, saved)
    for name, value in net.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_the_screen_agrees_with_the_library_on_every_tensor(net, saved):
    entries = screen_safetensors(saved)
    assert {name: e.shape for name, e in entries.items()} == {n: tuple(t.shape) for n, t in net.state_dict().items()}


def test_H3_truncated_file_is_one_line(saved):
    data = saved.read_bytes()
    for length in (0, 5, 20, len(data) - 1):
        saved.write_bytes(data[:length])
        with pytest.raises(ModelError, match="truncated") as caught:
            screen_safetensors(saved)
        assert caught.value.exit_status == 3
        assert "\n" not in str(caught.value)


def test_H3_header_of_2_to_the_60_is_refused_without_being_read(tmp_path):
    path = write(tmp_path / "w.safetensors", b"{}", length=2**60)
    with pytest.raises(UnsafeInputError, match="claims") as caught:
        screen_safetensors(path)
    assert caught.value.exit_status == 4


@pytest.mark.parametrize(
    ("header", "data", "said"),
    [
        ({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, b"\0" * 12, "overlaps"),
        ({"a": entry([2], 0, 8), "b": entry([2], 0, 8)}, b"\0" * 8, "overlaps"),
        ({"a": entry([2], 4, 12)}, b"\0" * 12, "gap"),
        ({"a": entry([2], 0, 8)}, b"\0" * 9, "belong to no tensor"),
        ({"a": entry([3], 0, 8)}, b"\0" * 8, "does not fill"),
        ({"a": entry([2**62, 4], 0, 8)}, b"\0" * 8, "does not fill"),
        ('{"a": %s, "a": %s}' % ((json.dumps(entry([2], 0, 8)),) * 2), b"\0" * 8, "twice"),
    ],
)
def test_H3_byte_ranges_that_lie_are_refused(tmp_path, header, data, said):
    path = write(tmp_path / "w.safetensors", header, data)
    with pytest.raises(UnsafeInputError, match=said) as caught:
        screen_safetensors(path)
    assert caught.value.exit_status == 4


@pytest.mark.parametrize(
    "header",
    ["[]", "{", b"\xff\xfe", '{"a": 1}', {"a": entry([-2], 0, 8)}, {"a": entry([2], 0, 8, "F99")}, "[" * 10_000],
)
def test_H3_a_malformed_header_is_one_line(tmp_path, header):
    with pytest.raises(ModelError) as caught:
        screen_safetensors(write(tmp_path / "w.safetensors", header, b"\0" * 8))
    assert caught.value.exit_status == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("head.bias"), r"missing from the file: head\.bias"),
        (lambda state: state.update(extra=torch.zeros(2)), "the network has not: extra"),
        (lambda state: state.update({"head.bias": torch.zeros(7)}), r"head\.bias \(7,\) in the file, \(4,\)"),
    ],
)
def test_H3_keys_that_are_missing_extra_or_reshaped_are_named(net, tmp_path, change, said):
    state = dict(net.state_dict())
    change(state)
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match=said) as caught:
        load_weights(type(net)(), tmp_path / "w.safetensors")
    assert caught.value.name == "E_WEIGHTS_MISMATCH"


def test_tied_weights_need_to_be_in_the_file_once(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight

    save_file({"a.weight": torch.tensor([[1.0, 2.0], [3.0, 4.0]])}, tmp_path / "w.safetensors")
    tied = Tied()
    load_weights(tied, tmp_path / "w.safetensors")
    assert tied.b.weight.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_H3_any_flipped_byte_gives_our_error_or_a_sound_screen(tmp_path, data):
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.arange(4.0), "b": torch.ones(2, 2)}, path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        entries = screen_safetensors(path)
    except FailatlasError:
        return
    assert sum(np.prod(e.shape, dtype=int) > 0 for e in entries.values()) <= 2
