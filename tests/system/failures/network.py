"""Faults of the network, made by nftables in the worker's own network namespace; each lasts as long as its `with`."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

PASSES = "127.0.0.2"
"""Connections from this address are never led elsewhere: the man in the middle reaches the real server."""


@contextmanager
def refused(port: int) -> Iterator[None]:
    """Connections to this TCP port are refused, those that stand are reset."""
    refusal = "tcp flags & rst == 0 reject with tcp reset"  # a refusal itself must get through
    rules = f"tcp dport {port} {refusal}\ntcp sport {port} {refusal}"
    with _table("filter", rules):
        yield


@contextmanager
def lost(port: int) -> Iterator[None]:
    """Every packet from and to this TCP port is lost, nobody is told: connections that stand are half open."""
    with _table("filter", f"tcp dport {port} drop\ntcp sport {port} drop"):
        yield


@contextmanager
def led_to(other: int, port: int) -> Iterator[None]:
    """New connections to `port` meet who listens at `other`; those that stand do not notice."""
    with _table("nat", f"ip saddr != {PASSES} tcp dport {port} redirect to :{other}"):
        yield


@contextmanager
def _table(kind: str, rules: str) -> Iterator[None]:
    """The empty chain stays: without any of kind nat, connections led elsewhere would come to a standstill."""
    priority = {"filter": 0, "nat": -100}[kind]
    chain = f"type {kind} hook output priority {priority};\n"
    _nft(f"table ip faults {{\nchain {kind} {{\n{chain}{rules}\n}}\n}}\n")
    try:
        yield
    finally:
        _nft(f"flush chain ip faults {kind}\n")


def _nft(text: str) -> None:
    subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)
