"""Lines: the trunk, the operators, the agencies, and the 24-hour line: would their phones ring now?"""

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.asterisk.lines import TRUNK, Contact
from ivr.doctor.context import Context
from ivr.doctor.live import Live
from ivr.doctor.model import Finding, error, note, ok, some, warning
from ivr.rules import Rules
from ivr.rules.parts import ALL, Line
from ivr.rules.route import lines_now


@dataclass(frozen=True, slots=True)
class Reach:
    """Which lines a call would ring, as Asterisk sees the world now."""

    live: Live

    def of_account(self, account: str) -> list[Contact]:
        """The places of an account that answer when asked, or were not asked yet."""
        return [contact for contact in self.live.contacts if contact.aor == account and not contact.away]

    @property
    def trunk(self) -> bool:
        """The carrier answers, and knows us where it must."""
        registered = all(one.registered for one in self.live.registrations if one.name.startswith(TRUNK))
        return bool(self.of_account(TRUNK)) and registered

    def line(self, line: Line) -> bool:
        """A SIP address elsewhere is never asked: it counts as there."""
        if line.account:
            return bool(self.of_account(line.account))
        return (line.phone or "").startswith(("sip:", "sips:")) or self.trunk


def trunk(context: Context) -> Iterator[Finding]:
    """The city's trunk answers and has us registered."""
    live, rules = context.live, context.rules
    if live is None:
        return
    if context.settings.trunk_file is None:
        yield _without_trunk(rules) if rules else note("trunk", "trunk_none")
        return
    contacts = [contact for contact in live.contacts if contact.aor == TRUNK]
    away = [contact for contact in contacts if contact.away]
    refused = [one for one in live.registrations if not one.registered]
    for one in refused:
        yield error("trunk", "trunk_unregistered", name=one.name, state=one.state)
    for contact in away:
        address = f" ({contact.uri})" if contact.uri else ""
        yield error("trunk", "trunk_away", name=contact.aor, address=address)
    if not contacts:
        yield error("trunk", "trunk_unknown", path=context.settings.trunk_file)
    elif not away and not refused:
        slowest = max((contact.round_trip_seconds or 0.0 for contact in contacts), default=0.0)
        known = len(live.registrations)
        yield ok("trunk", "trunk_ok", count=len(contacts), milliseconds=round(slowest * 1000), known=known)


def _without_trunk(rules: Rules) -> Finding:
    rung = (line for line in rules.lines if line.id in rules.rung_lines)
    numbers = [line.id for line in rung if line.phone and not line.phone.startswith(("sip:", "sips:"))]
    return error("trunk", "trunk_missing", lines=some(numbers)) if numbers else note("trunk", "trunk_none")


def operators(context: Context) -> Iterator[Finding]:
    """Somebody sits in the control room: every plan ends with the operators."""
    if context.live is None or context.rules is None:
        return  # the needs of this check (ivr.doctor.checks)
    reach, accounts = Reach(context.live), context.rules.operators.accounts
    there = [account for account in accounts if reach.of_account(account)]
    if not there:
        yield error("operators", "operators_none", count=len(accounts), accounts=some(accounts))
    elif len(there) < len(accounts):
        absent = some(account for account in accounts if account not in there)
        yield note("operators", "operators_some", there=len(there), count=len(accounts), absent=absent)
    else:
        yield ok("operators", "operators_ok", count=len(accounts))


def phones(context: Context) -> Iterator[Finding]:
    """Every phone that a call may ring is registered and answers."""
    if context.live is None or context.rules is None:
        return  # the needs of this check (ivr.doctor.checks)
    rules, reach = context.rules, Reach(context.live)
    accounts = sorted({line.account for line in rules.lines if line.id in rules.rung_lines and line.account})
    known = {contact.aor for contact in context.live.contacts}
    missing = [account for account in accounts if account not in known]
    away = [account for account in accounts if account in known and not reach.of_account(account)]
    if missing:
        yield warning("phones", "phones_missing", count=len(missing), all=len(accounts), accounts=some(missing))
    if away:
        yield warning("phones", "phones_away", count=len(away), accounts=some(away))
    if not missing and not away and accounts:
        yield ok("phones", "phones_ok", count=len(accounts))


def agencies(context: Context) -> Iterator[Finding]:
    """Every agency with somebody on duty now can be reached now; an emergency's must be."""
    if context.live is None or context.rules is None:
        return  # the needs of this check (ivr.doctor.checks)
    rules, reach = context.rules, Reach(context.live)
    day, minute = rules.moment(context.now)
    called = {name for rule in rules.rules for step in rule.steps for name in step}
    on_duty = {one.id: lines_now(rules, one.id, day, minute) for one in rules.agencies if one.id in called}
    silent = [name for name, lines in on_duty.items() if lines and not any(reach.line(rules.line(x)) for x in lines)]
    urgent = [name for name in silent if name in _for_emergencies(rules)]
    others = [name for name in silent if name not in urgent]
    if urgent:
        yield error("agencies", "agencies_emergency", count=len(urgent), names=some(urgent))
    if others:
        yield warning("agencies", "agencies_silent", count=len(others), names=some(others))
    if not silent:
        yield ok("agencies", "agencies_ok", count=sum(bool(lines) for lines in on_duty.values()))


def _for_emergencies(rules: Rules) -> set[str]:
    emergencies = {category.id for category in rules.categories if category.emergency}
    wanted = [rule for rule in rules.rules if ALL in rule.categories or emergencies.intersection(rule.categories)]
    return {name for rule in wanted for step in rule.steps for name in step}


def standby(context: Context) -> Iterator[Finding]:
    """The 24-hour line, the last resort of every call."""
    if context.live is None or context.rules is None:
        return  # the needs of this check (ivr.doctor.checks)
    reach, names = Reach(context.live), context.rules.fallback
    if any(reach.line(context.rules.line(name)) for name in names):
        yield ok("standby", "standby_ok", names=some(names))
    else:
        yield error("standby", "standby_away", names=some(names))
