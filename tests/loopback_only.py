"""A process that cannot reach the network: names are not looked up, addresses not reached.

Rests on Python's audit events (PEP 578), which no library can go around from Python. Knows
nothing of the service, so that any interpreter can begin with it. A hook cannot be removed.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Callable
from typing import Any

EXIT_CODE = 97  # of a process that tried to reach the network

# Where each event carries the host: the index of an address, or of the name itself.
_ADDRESSES = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1}
_NAMES = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.gethostbyaddr": 0}


class NetworkRefused(RuntimeError):
    """Something tried to leave this machine."""


def refuse_network(refused: Callable[[str], None]) -> None:
    """From now on, call ``refused`` with what would have been reached, before it is."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _ADDRESSES:
            address = arguments[_ADDRESSES[event]]
            # Sockets of this machine (AF_UNIX) have a path for an address.
            host = address[0] if isinstance(address, tuple) else None
        elif event in _NAMES:
            host = arguments[_NAMES[event]]
        else:
            return
        if not _is_here(host):
            refused(f"{event} {host!r}")

    sys.addaudithook(hook)


def raise_refused(what: str) -> None:
    raise NetworkRefused(f"tests must not reach the network: {what}")


def end_process(what: str) -> None:
    """Cannot be caught, so no library can hide that it tried."""
    os.write(2, f"network refused: {what}\n".encode())
    os._exit(EXIT_CODE)


def _is_here(host: object) -> bool:
    if not host:  # any address of this machine
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return name == "localhost"
