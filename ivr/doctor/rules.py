"""The rules: usable, in force, the same in Asterisk; spoken whole; every hour with somebody on duty."""

from collections.abc import Iterator

from ivr.doctor.context import Context
from ivr.doctor.model import Finding, Level, error, note, ok, some, warning
from ivr.messages import say
from ivr.prompts.catalogue import PromptError
from ivr.prompts.check import State, check
from ivr.prompts.sources import prompt_sources
from ivr.rulebook.history import SHORT
from ivr.rules.coverage import agencies_cover, categories_cover
from ivr.rules.coverage_words import title

DAYS = 7


def rules(context: Context) -> Iterator[Finding]:
    """The file can be used, and is in force."""
    path = context.settings.rules_file
    if context.problems:
        key = "rules_unusable" if context.rules else "rules_nothing"
        yield error("rules", key, path=path, count=len(context.problems), first=context.problems[0])
    elif context.told is None:
        yield note("rules", "rules_never", path=path)
    elif context.told.in_force.digest != context.digest:
        yield warning("rules", "rules_waiting", path=path, hash=context.told.in_force.short)
    else:
        yield ok("rules", "rules_ok", path=path, hash=context.digest[:SHORT])
    if context.rules and not context.problems and (warnings := context.rules.warnings):
        yield note("rules", "rules_warnings", count=len(warnings), first=warnings[0], path=path)


def generation(context: Context) -> Iterator[Finding]:
    """Asterisk holds the rules that the controller says are in force."""
    if context.live is None or context.told is None:
        return
    told, held = context.told.in_force.generation, context.live.generation
    if told == held:
        yield ok("generation", "generation_ok", generation=held)
    else:
        yield error("generation", "generation_apart", held=held or "-", told=told)


def placeholders(context: Context) -> Iterator[Finding]:
    """No number of an example is left, behind which nobody is."""
    if context.rules is None:
        return
    if lines := context.rules.placeholder_lines:
        yield warning("placeholders", "placeholders_left", count=len(lines), lines=some(lines))
    else:
        yield ok("placeholders", "placeholders_none")


def coverage(context: Context) -> Iterator[Finding]:
    """Hours of the next seven days at which an emergency finds operators only; then agencies' own hours."""
    if context.rules is None:
        return
    today, _ = context.rules.moment(context.now)
    days = range(today, today + DAYS)
    emergencies = [category for category in context.rules.categories if category.emergency]
    bare = [cover for cover in categories_cover(context.rules, days, emergencies) if cover.minutes]
    gaps = [cover for cover in agencies_cover(context.rules, days, context.rules.agencies) if cover.minutes]
    if bare:
        told = some((title(context.rules, [cover]) for cover in bare), 3)
        yield warning("coverage", "coverage_emergency", days=DAYS, gaps=told)
    else:
        yield ok("coverage", "coverage_ok", days=DAYS, count=len(emergencies))
    if gaps:
        yield note(
            "coverage", "coverage_agencies", days=DAYS, gaps=some((title(context.rules, [c]) for c in gaps), 3)
        )


def prompts(context: Context) -> Iterator[Finding]:
    """Every file that callers and officers hear is there, sound, and says what the rules in force say."""
    if context.rules is None:
        return
    try:
        found = check(prompt_sources(context.rules, context.settings.prompts))
    except PromptError as trouble:
        yield Finding("prompts", Level.ERROR, str(trouble), say("doctor.prompts_bad_do"))
        return
    problems = {one.id: one for one in found if one.is_problem}
    missing = sorted(id_ for id_, one in problems.items() if one.state is State.MISSING)
    bad = sorted(problems.keys() - set(missing))
    misnamed = sorted(one.id for one in found if one.state is State.UNKNOWN_STUDIO_FILE)
    if missing:
        yield error("prompts", "prompts_missing", count=len(missing), names=some(missing))
    if bad:
        yield warning("prompts", "prompts_bad", count=len(bad), names=some(f"{x} ({problems[x].state})" for x in bad))
    if misnamed:
        yield note("prompts", "prompts_misnamed", count=len(misnamed), names=some(misnamed))
    if not problems:
        yield ok("prompts", "prompts_ok", count=len({one.id for one in found} - set(misnamed)))
