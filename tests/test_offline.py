"""P6: the guard that every test runs under lets nothing beyond this machine, in the suite and in its children."""

from __future__ import annotations

import socket
import threading
import urllib.request

import pytest


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.org", 443), ("2001:db8::1", 80)])
def test_P6_a_connection_to_elsewhere_is_refused_before_a_packet_leaves(address):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as connection, pytest.raises(AssertionError, match="needs no network"):
        connection.connect(address)


def test_P6_no_name_is_looked_up():
    with pytest.raises(AssertionError, match="needs no network"):
        urllib.request.urlopen("http://example.org/", timeout=1)


def test_loopback_is_this_machine():
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()
        socket.create_connection(server.getsockname(), timeout=5).close()
        thread.join()


MEDDLING = """
import socket
from torch import nn

class Calling(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 3)

    def forward(self, x):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
        return x
"""


def test_P6_the_forked_commands_are_under_the_guard_too(failatlas, world, tmp_path):
    (tmp_path / "net.py").write_text(MEDDLING)
    done = failatlas("analyze", "--images", world.images, "--model", f"{tmp_path}/net.py:Calling", "--out",
                     tmp_path / "run", "--json")  # fmt: skip
    assert done.status == 3
    assert "needs no network" in done.err
