"""Offline: a process in which no socket connects beyond loopback and no name is looked up."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any


class NetworkUsedError(AssertionError):
    """Something tried to reach the network."""


class Offline:
    """Replaces ``connect`` and ``getaddrinfo`` by ones that refuse every address but this machine's own."""

    def install(self) -> None:
        socket.socket.connect = _guarded(socket.socket.connect)  # type: ignore[method-assign]
        socket.socket.connect_ex = _guarded(socket.socket.connect_ex)  # type: ignore[method-assign]
        looked_up = socket.getaddrinfo

        def getaddrinfo(host: Any, *arguments: Any, **more: Any) -> Any:
            _refuse_unless_local((host,))
            return looked_up(host, *arguments, **more)

        socket.getaddrinfo = getaddrinfo


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_unless_local(address)
        return connect(self, address)

    return guarded


def _refuse_unless_local(address: Any) -> None:
    host = address[0]
    host = host.decode() if isinstance(host, bytes) else host
    if host in (None, "", "localhost"):
        return
    try:
        is_local = ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        is_local = False
    if not is_local:
        raise NetworkUsedError(f"a connection to {host!r}: failatlas needs no network, and neither do its tests")
