"""The shipped fail2ban files, read by fail2ban itself, on what a real Asterisk 22.10 wrote (addresses replaced)."""

import os
import re
import shutil
import subprocess
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.settings import PROJECT

SHIPPED = PROJECT / "docs" / "deploy" / "fail2ban"
FILTER = SHIPPED / "filter.d" / "ivr112.conf"
JAIL = SHIPPED / "jail.d" / "ivr112.conf"
LOG = Path(__file__).with_name("security.log")
INSTALLED = Path("/etc/fail2ban")

needs_fail2ban = pytest.mark.skipif(shutil.which("fail2ban-regex") is None, reason="fail2ban is not installed")


def guesses(zone: str = "UTC") -> list[tuple[str, float]]:
    """Addresses that fail2ban would count for the log, and when (seconds since 1970)."""
    done = subprocess.run(
        ["fail2ban-regex", "-o", "row", str(LOG), str(FILTER)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={**os.environ, "TZ": zone},
    )
    rows = re.findall(r"^\['([^']*)',\s*([\d.]+),", done.stdout, re.MULTILINE)
    return [(address, float(at)) for address, at in rows]


@needs_fail2ban
def test_every_wrong_password_and_unknown_account_counts_against_the_address_it_came_from() -> None:
    assert Counter(address for address, _ in guesses()) == {
        "203.0.113.77": 9,  # three wrong passwords, two scans, four with somebody else's address in their headers
        "203.0.113.78": 1,  # TCP
        "203.0.113.79": 1,  # TLS
        "2001:db8:1::77": 1,
    }


@needs_fail2ban
def test_nobody_can_have_the_carrier_banned_by_writing_its_address_into_a_request() -> None:
    forged = [line for line in LOG.read_text().splitlines() if "192.0.2.10" in line]
    assert len(forged) == 4
    assert "192.0.2.10" not in {address for address, _ in guesses()}


@needs_fail2ban
def test_no_successful_login_and_no_first_question_counts() -> None:
    innocent = [line for line in LOG.read_text().splitlines() if 'Severity="Informational"' in line]
    assert len(innocent) == 7
    assert len(guesses()) == len(LOG.read_text().splitlines()) - len(innocent) - 2  # the start, the manager's own


@needs_fail2ban
@pytest.mark.parametrize("zone", ["UTC", "Asia/Jakarta", "Asia/Jayapura"])
def test_the_time_of_a_guess_is_right_in_every_zone_of_the_server(zone: str) -> None:
    earliest = min(at for _, at in guesses(zone))
    assert datetime.fromtimestamp(earliest, UTC).strftime("%F %H:%M") == "2026-11-22 14:48"


@pytest.mark.skipif(not (INSTALLED / "jail.conf").exists(), reason="fail2ban is not installed")
def test_fail2ban_accepts_the_jail(tmp_path: Path) -> None:
    etc, log = tmp_path / "etc", tmp_path / "security.log"
    shutil.copytree(INSTALLED, etc)
    (etc / "jail.d" / "defaults-debian.conf").unlink(missing_ok=True)  # its sshd log may not be here
    shutil.copy(FILTER, etc / "filter.d")
    shutil.copy(LOG, log)
    jail = JAIL.read_text(encoding="utf-8")
    (etc / "jail.d" / "ivr112.conf").write_text(re.sub(r"(?m)^(logpath\s*=).*", rf"\1 {log}", jail))
    done = subprocess.run(["fail2ban-client", "-c", str(etc), "-d"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "['set', 'ivr112', 'addlogpath'" in done.stdout
    for protocol in ("udp", "tcp"):
        assert re.search(rf"'ivr112-{protocol}'.*'port', '5060,5061'", done.stdout), done.stdout


def test_the_jail_reads_the_log_that_logrotate_turns() -> None:
    found = re.search(r"(?m)^logpath\s*=\s*(\S+)/security\.log$", JAIL.read_text(encoding="utf-8"))
    assert found
    rotated = (PROJECT / "docs" / "deploy" / "logrotate" / "ivr112").read_text(encoding="utf-8")
    assert f"{found[1]}/*.log" in rotated
