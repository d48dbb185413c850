"""Runs checks beside each other. None of them can keep the others waiting, or end them."""

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from ivr.deadline import TooLate, within
from ivr.doctor.checks import BY_ID, CHECKS, Check
from ivr.doctor.context import Context
from ivr.doctor.model import Finding, error, warning
from ivr.doctor.permissions import access
from ivr.owner import owner_of

AT_ONCE = 4
_PLACES = {check.id: place for place, check in enumerate(CHECKS)}


def examine(context: Context, only: Iterable[str] = ()) -> list[Finding]:
    """The findings of all checks, or of those named, in the order of `CHECKS`. Never raises.

    A check that cannot look because Asterisk, the rules or the database are not there leaves it to the check that
    says so, which then runs even when it was not asked for.
    """
    wanted = [BY_ID[name] for name in only] or list(CHECKS)
    missing = {check.id: [need for need in check.needs if not need.given(context)] for check in wanted}
    telling = {need.said_by for needs in missing.values() for need in needs}
    able = {check.id for check in wanted if not missing[check.id]}
    chosen = [check for check in CHECKS if check.id in able | telling]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = [finding for each in threads.map(lambda check: run(check, context), chosen) for finding in each]
    return sorted(dict.fromkeys(found), key=lambda finding: _PLACES[finding.check])


def run(check: Check, context: Context) -> list[Finding]:
    """One check; what keeps it from its end is a finding too, after those it already made."""
    found: list[Finding] = []
    door = threading.Lock()

    def look() -> None:
        for finding in check.look(context):
            with door:
                found.append(finding)

    trouble: list[Finding] = []
    try:
        within(check.seconds, look)
    except TooLate:
        trouble = [error(check.id, "late", id=check.id, seconds=round(check.seconds))]
    except PermissionError as refused:
        trouble = _refused(check, context, refused)
    except Exception as failure:  # noqa: BLE001 the others must still look, and monitoring must get an answer
        reason = f"{type(failure).__name__}: {failure}".splitlines()[0]
        trouble = [error(check.id, "failed", id=check.id, reason=reason)]
    with door:
        return [*found, *trouble]


def _refused(check: Check, context: Context, refused: PermissionError) -> list[Finding]:
    path = refused.filename or "?"
    if context.locked(path):
        return list(access(context))  # said once for all that lies there
    return [warning(check.id, "refused", id=check.id, path=path, owner=owner_of(context.settings.state))]
