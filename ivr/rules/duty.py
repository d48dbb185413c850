"""Who is on duty at a minute of the city's week."""

from ivr.rules.model import Agency, Roster, Rules


def on_duty(roster: Roster, minute: int) -> tuple[str, ...]:
    """The lines a roster has on duty, in the roster's order; empty when it has nobody."""
    lines = [line for shift in roster.shifts if shift.covers(minute) for line in shift.lines]
    return tuple(dict.fromkeys(lines))


def may_ring(rules: Rules, line: str, minute: int) -> bool:
    """A line that no roster names always may; one that a roster names only while it is on duty."""
    return line not in rules.rostered or any(line in on_duty(roster, minute) for roster in rules.rosters)


def agency_lines(rules: Rules, agency: Agency, minute: int) -> tuple[str, ...]:
    """The lines that ring for an agency now; empty when nobody is on duty."""
    if agency.roster:
        return on_duty(rules.roster(agency.roster), minute)
    return tuple(line for line in agency.lines if may_ring(rules, line, minute))


def boundaries(rules: Rules) -> tuple[int, ...]:
    """The minutes of the day, 0 included, at which anybody's duty begins or ends on some day."""
    shifts = (shift for roster in rules.rosters for shift in roster.shifts)
    return tuple(sorted({0}.union(*(shift.boundaries() for shift in shifts))))
