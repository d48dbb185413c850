"""The shipped systemd units and packet filter, judged by the programs that will read them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ivr.settings import PROJECT

DEPLOY = PROJECT / "docs" / "deploy"
UNITS = {"ivr112-asterisk": 20, "ivr112-controller": 12, "ivr112-watch": 14}
"""Exposure by `systemd-analyze security`, in tenths (0: nothing is reachable, 100: everything)."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


def path_of(unit: str) -> Path:
    return DEPLOY / "systemd" / f"{unit}.service"


def setting(unit: str, name: str) -> str:
    found = re.findall(rf"(?m)^{name}=(.*)$", path_of(unit).read_text(encoding="utf-8"))
    assert len(found) == 1, f"{name} of {unit}: {found}"
    return str(found[0])


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60)


@needs_systemd
@pytest.mark.parametrize(("unit", "exposure"), UNITS.items())
def test_a_unit_has_only_the_rights_it_needs(unit: str, exposure: int) -> None:
    judged = analyze("security", "--offline=yes", f"--threshold={exposure}", str(path_of(unit)))
    assert judged.returncode == 0, judged.stdout[-200:]
    too_strict = analyze("security", "--offline=yes", f"--threshold={exposure - 3}", str(path_of(unit)))
    assert too_strict.returncode != 0, "the figure in the docs can be lowered"


@needs_systemd
def test_systemd_understands_every_line_of_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = path_of(unit).read_text(encoding="utf-8")
        (tmp_path / f"{unit}.service").write_text(text.replace("/opt/112/.venv/bin/ivr", "/bin/true"))
    judged = analyze("verify", *(str(tmp_path / f"{unit}.service") for unit in UNITS))
    said = [line for line in judged.stderr.splitlines() if "ivr112" in line]
    assert (judged.returncode, said) == (0, [])


def test_a_controller_that_is_frozen_is_replaced_at_once_and_one_that_ends_may_finish_its_questions() -> None:
    assert setting("ivr112-controller", "WatchdogSec") == "4s"
    assert setting("ivr112-controller", "TimeoutStopSec") == "140s"


def test_who_ends_asterisk_can_see_it() -> None:
    """It is in a user namespace of its own, which `ProtectProc=invisible` hides (proved by scripts/under-systemd)."""
    assert setting("ivr112-watch", "ProtectProc") == "default"
    assert setting("ivr112-asterisk", "ExecStop").startswith("+")


@pytest.mark.parametrize("unit", UNITS)
def test_what_the_services_write_is_nobody_elses_business(unit: str) -> None:
    assert (setting(unit, "User"), setting(unit, "UMask")) == ("ivr112", "0027")


@pytest.mark.skipif(shutil.which("nft") is None, reason="nftables is not installed")
def test_the_packet_filter_is_one() -> None:
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", "nft", "-c", "-f", str(DEPLOY / "nftables" / "ivr112.nft")],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("no network namespace may be made here")
    assert (done.returncode, done.stderr) == (0, "")
