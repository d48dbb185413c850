"""The generated dialplan: the lines that can be rung, and the lifeline that rings them by the clock.

The lifeline is the rules' own `route()` asked for every moment of the week, written down as GotoIfTime: no Python, no
database, no network stands between a caller and the on-duty people when the controller is away.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ivr.asterisk.plan import dial_string, plan_variables
from ivr.rules import Line, Rules, week_segments

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def globals_file(rules: Rules, *, prompts: Path, recordings: Path, controller: str) -> str:
    """[globals] of extensions.conf."""
    values = {
        "CONTROLLER": controller,
        "PROMPTS": str(prompts),
        "RECORDINGS": str(recordings),
        "ZONE": rules.city.zone,
        "OPERATOR_SECONDS": str(rules.operators.seconds),
        "STANDBY": dial_string(rules.fallback),
        "STANDBY_LINES": "&".join(rules.fallback),
        "STANDBY_SECONDS": str(max(rules.line(line).seconds for line in rules.fallback)),
    }
    return "".join(f"{name} = {value}\n" for name, value in values.items())


def lines_file(rules: Rules, *, trunk: bool) -> str:
    """[ring-line]: one extension for every line and every operator's phone; nothing else can be dialled."""
    lines = [*rules.lines, *rules.operator_lines]
    return "[ring-line]\n" + "".join(_line(line, trunk=trunk) for line in lines)


def _line(line: Line, *, trunk: bool) -> str:
    through_trunk = f"PJSIP/{line.phone}@trunk" if trunk else ""  # no trunk: unreachable, the next step is tried
    target = f"${{PJSIP_DIAL_CONTACTS({line.account})}}" if line.account else through_trunk
    entry = "accept" if line.accepts_by_key else "direct"
    return (
        f"exten => {line.id},1,Set(_LINE={line.id})\n same => n,Set(DIAL={target})\n same => n,Goto(ring,{entry},1)\n"
    )


def lifeline_file(rules: Rules) -> str:
    """[lifeline-duty]: an extension for each category, `s` for callers who had said nothing yet."""
    plans: dict[tuple[tuple[str, str], ...], str] = {}
    duty = ["[lifeline-duty]\n"]
    for extension, category in [("s", None), *((known.id, known.id) for known in rules.categories)]:
        duty += _duty(rules, extension, category, plans)
    return "".join([*duty, *_plans(plans)])


def _duty(
    rules: Rules, extension: str, category: str | None, plans: dict[tuple[tuple[str, str], ...], str]
) -> Iterator[str]:
    yield f"exten => {extension},1,NoOp()\n"
    for days, start, end, plan in week_segments(rules, category):
        variables = tuple(plan_variables(plan, category, None))
        name = plans.setdefault(variables, f"plan{len(plans) + 1}")
        yield f" same => n,GotoIfTime({start}-{end},{_days(days)},*,*,{rules.city.zone}?lifeline-plan,{name},1)\n"
    yield " same => n,Goto(operators,s,1)\n"


def _plans(plans: dict[tuple[tuple[str, str], ...], str]) -> Iterator[str]:
    yield "[lifeline-plan]\n"
    for variables, name in plans.items():
        yield f"exten => {name},1,NoOp()\n"
        for variable, value in variables:
            yield f" same => n,Set({variable}={value})\n"
        yield " same => n,Goto(plan,s,1)\n"


def _days(days: Sequence[int] | frozenset[int]) -> str:
    return "*" if len(days) == len(DAYS) else "&".join(DAYS[day] for day in sorted(days))
