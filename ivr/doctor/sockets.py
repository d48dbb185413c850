"""Which ports are open, and whose: read from /proc, so that it works without programs and without root.

Source: proc_net_tcp.rst of the Linux kernel.
"""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

LISTEN, BOUND = "0A", "07"  # a TCP socket that listens, a UDP socket that is bound to nobody


@dataclass(frozen=True, slots=True)
class Socket:
    """An open port: `protocol` is tcp or udp."""

    protocol: str
    address: IPv4Address | IPv6Address
    port: int
    inode: int

    def __str__(self) -> str:
        return f"{self.protocol} {self.address} port {self.port}"

    @property
    def is_loopback(self) -> bool:
        """Only this machine reaches it."""
        mapped = self.address.ipv4_mapped if isinstance(self.address, IPv6Address) else None
        return (mapped or self.address).is_loopback


def open_sockets(proc: Path) -> list[Socket]:
    """All of this machine, or of this network namespace. Raises OSError."""
    return [found for name in ("tcp", "tcp6", "udp", "udp6") for found in _read(proc / "net" / name)]


def _read(path: Path) -> Iterator[Socket]:
    if not path.exists():  # a kernel without IPv6
        return
    protocol = path.name.removesuffix("6")
    for line in path.read_text(encoding="ascii").splitlines()[1:]:
        columns = line.split()
        if columns[3] == (LISTEN if protocol == "tcp" else BOUND):
            address, _, port = columns[1].partition(":")
            yield Socket(protocol, _address(address), int(port, 16), int(columns[9]))


def _address(text: str) -> IPv4Address | IPv6Address:
    """Words of 4 bytes in the order of the machine."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return IPv4Address(packed) if len(words) == 1 else IPv6Address(socket.inet_ntop(socket.AF_INET6, packed))


def inodes_of(proc: Path, pid: int) -> set[int]:
    """The sockets of a process; empty when we may not look."""
    try:
        links = list((proc / str(pid) / "fd").iterdir())
    except (PermissionError, FileNotFoundError):
        return set()
    return {int(target[8:-1]) for link in links if (target := _target(link)).startswith("socket:[")}


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except (PermissionError, FileNotFoundError):  # closed since
        return ""


def chosen_by_the_kernel(proc: Path) -> range:
    """The ports given to a socket that did not ask for one."""
    first, last = (proc / "sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    return range(int(first), int(last) + 1)
