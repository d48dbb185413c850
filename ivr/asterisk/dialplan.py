"""The generated dialplan: the lines that can be rung, and the lifeline that rings them by the clock.

The lifeline is the rules' own `route()` asked for every moment of the week and for every date that differs, written
down as GotoIfTime: no Python, no database, no network stands between a caller and the on-duty people when the
controller is away. Every context carries its generation, so that the rules of earlier calls stay beside the newest.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ivr.asterisk.accounts import OUTBOUND
from ivr.asterisk.plan import dial_string, plan_variables
from ivr.dialogue import clips
from ivr.rules import Line, Rules, Segment, dated_segments, week_segments

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Plans = dict[tuple[tuple[str, str], ...], str]
"""The variables of every plan with the extension that sets them."""


def globals_file(rules: Rules, generation: str, prompts: Path, recordings: Path, controller: str) -> str:
    """[globals] of extensions.conf; GENERATION is what the reload reads back."""
    values = {
        "CONTROLLER": controller,
        "PROMPTS": str(prompts),
        "RECORDINGS": str(recordings),
        "ZONE": rules.city.zone,
        "GENERATION": generation,
    }
    return "".join(f"{name} = {value}\n" for name, value in values.items())


def in_force_file(rules: Rules, generation: str) -> str:
    """[in-force]: what a call keeps of the rules it arrives under; one application sets it, no reload can mix two."""
    values = {
        "GENERATION": generation,
        "IN_FORCE": generation,
        "OPERATOR_SECONDS": str(rules.operators.seconds),
        "TELL_AFTER": str(rules.policies.tell_after_seconds),
        **_rung_together(rules, "OVERFLOW", rules.policies.overflow_lines, generation),
        **_rung_together(rules, "STANDBY", rules.fallback, generation),
    }
    settings = ",".join(f"{name}={value}" for name, value in values.items())
    return f"[in-force]\nexten => s,1,MSet({settings})\n same => n,Return()\n"


def _rung_together(rules: Rules, name: str, lines: Sequence[str], generation: str) -> dict[str, str]:
    return {
        name: dial_string(lines, generation),
        f"{name}_LINES": "&".join(lines),
        f"{name}_SECONDS": str(max((rules.line(line).seconds for line in lines), default=0)),
    }


def ring_line_file(generations: Sequence[str]) -> str:
    """[ring-line]: the lines whatever the generation, the newest first; the queue's members are rung through it."""
    return "[ring-line]\n" + "".join(f"include => ring-line-{generation}\n" for generation in generations)


def lines_file(rules: Rules, generation: str, *, trunk: bool) -> str:
    """[ring-line-<g>]: one extension for every line and every operator's phone; nothing else can be dialled."""
    lines = [*rules.lines, *rules.operator_lines]
    return f"[ring-line-{generation}]\n" + "".join(_line(rules, line, trunk=trunk) for line in lines)


def _line(rules: Rules, line: Line, *, trunk: bool) -> str:
    entry = "accept" if line.accepts_by_key else "direct"
    return (
        f"exten => {line.id},1,Set(_LINE={line.id})\n"
        f" same => n,Set(DIAL={_target(line, trunk=trunk)})\n"
        f"{_handled(rules, line)}"
        f" same => n,Goto(ring,{entry},1)\n"
    )


def _handled(rules: Rules, line: Line) -> str:
    """The clip that says to those who are told whose line it is; none when it is nobody's, or of several agencies."""
    owners = [agency.id for agency in rules.agencies if line.id in rules.lines_of(agency.id)]
    return f" same => n,Set(_HANDLED={clips.clip(clips.HANDLED, owners[0])})\n" if len(owners) == 1 else ""


def _target(line: Line, *, trunk: bool) -> str:
    """What Dial rings; empty is unreachable, and the next step is tried."""
    if line.account:
        return f"${{PJSIP_DIAL_CONTACTS({line.account})}}"
    phone = line.phone or ""
    if phone.startswith(("sip:", "sips:")):
        return f"PJSIP/{OUTBOUND}/{phone}".replace(";", "\\;")  # a bare one would begin a comment
    return f"PJSIP/{phone}@trunk" if trunk else ""


def lifeline_file(rules: Rules, generation: str) -> str:
    """[lifeline-duty-<g>]: an extension for each category, `s` for callers who had said nothing yet.

    [lifeline-date-<g>]: the same for a date that differs from the ordinary week, such as `kebakaran-20261225`.
    """
    plans: Plans = {}
    duty, dated = [f"[lifeline-duty-{generation}]\n"], [f"[lifeline-date-{generation}]\n"]
    for extension, category in [("s", None), *((known.id, known.id) for known in rules.categories)]:
        segments = _segments(rules, generation, week_segments(rules, category), category, plans)
        duty += [_today(rules, generation, extension), *segments]
        for day, changed in sorted(dated_segments(rules, category).items()):
            segments = _segments(rules, generation, changed, category, plans)
            dated += [f"exten => {extension}-{day:%Y%m%d},1,NoOp()\n", *segments]
    return "".join([*duty, *dated, *_plans(plans, generation)])


def _today(rules: Rules, generation: str, extension: str) -> str:
    """GotoIfTime knows no year; a date that differs has an extension of its own."""
    dated = f"lifeline-date-{generation},{extension}-${{TODAY}},1"
    return (
        f"exten => {extension},1,Set(TODAY=${{STRFTIME(${{EPOCH}},{rules.city.zone},%Y%m%d)}})\n"
        f" same => n,GotoIf(${{DIALPLAN_EXISTS({dated})}}?{dated})\n"
    )


def _segments(
    rules: Rules, generation: str, segments: Sequence[Segment], category: str | None, plans: Plans
) -> Iterator[str]:
    for days, start, end, plan in segments:
        variables = tuple(plan_variables(plan, category, None, generation))
        name = plans.setdefault(variables, f"plan{len(plans) + 1}")
        when = f"{start}-{end},{_days(days)},*,*,{rules.city.zone}"
        yield f" same => n,GotoIfTime({when}?lifeline-plan-{generation},{name},1)\n"
    yield " same => n,Goto(operators,s,1)\n"


def _plans(plans: Plans, generation: str) -> Iterator[str]:
    yield f"[lifeline-plan-{generation}]\n"
    for variables, name in plans.items():
        yield f"exten => {name},1,NoOp()\n"
        for variable, value in variables:
            yield f" same => n,Set({variable}={value})\n"
        yield " same => n,Goto(plan,s,1)\n"


def _days(days: Sequence[int] | frozenset[int]) -> str:
    return "*" if len(days) == len(DAYS) else "&".join(DAYS[day] for day in sorted(days))
