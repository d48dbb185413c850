"""A plan as the dialplan reads it: channel variables (asterisk-config/extensions.conf, [plan])."""

import zlib
from collections.abc import Sequence
from pathlib import Path

from ivr.dialogue import clips
from ivr.rules import Plan

MAX_STEPS = 20
LONGEST_MUSIC_CLASS = 79  # MAX_MUSICCLASS of res_musiconhold.c, without the NUL
READY = ("PLAN", "ready")
"""The sentinel: written last, its presence proves that the whole plan arrived."""


def plan_variables(plan: Plan, category: str | None, area: str | None, generation: str) -> list[tuple[str, str]]:
    """Variables in the order they are to be set, without the sentinel; the last step's successor is emptied.

    They name lines and music of one generation, and of no other. The operators and the 24-hour line at the end of
    every plan are the dialplan's own and need no variables.
    """
    steps = [step for step in plan.steps if step.kind != "fallback"][:MAX_STEPS]
    if steps and steps[-1].kind == "operators":
        steps.pop()
    variables = []
    for number, step in enumerate(steps, 1):
        dial = "operators" if step.kind == "operators" else dial_string(step.lines, generation)
        music = "operators" if step.kind == "operators" else music_class(category, area, step.agency, generation)
        variables += [
            (f"PLAN_{number}_DIAL", dial),
            (f"PLAN_{number}_LINES", "&".join(step.lines)),
            (f"PLAN_{number}_SECONDS", str(step.seconds)),
            (f"PLAN_{number}_MUSIC", music),
        ]
    told = [("TELL", "&".join(plan.told))] if plan.told else []
    return [*told, *variables, (f"PLAN_{len(steps) + 1}_DIAL", "")]


def dial_string(lines: Sequence[str], generation: str) -> str:
    """Dial's first argument: every line through its own Local channel, all ringing together."""
    return "&".join(f"Local/{line}@ring-line-{generation}" for line in lines)


def music_class(category: str | None, area: str | None, agency: str | None, generation: str) -> str:
    """The playlist that says what was understood and who is called."""
    if category is None:
        return "lifeline"
    name = "-".join((generation, category, (area or "any").replace(".", "_"), agency or "officer"))
    return name if len(name) <= LONGEST_MUSIC_CLASS else f"{generation}-{zlib.crc32(name.encode()):08x}"


def spoken(prompts: Path, category: str | None, area: str | None) -> str:
    """What the officer hears about the call: what happened and where, as files joined with `&`."""
    what = clips.clip("category", category) if category else clips.SCREEN_UNKNOWN_CATEGORY
    where = clips.area_clip(area) if area else clips.SCREEN_UNKNOWN_PLACE
    return joined(prompts, [what, where])


def screen(prompts: Path, category: str | None, area: str | None) -> str:
    """The announcement on the officer's phone: a 112 call, what, where, which keys."""
    about = spoken(prompts, category, area)
    return "&".join((joined(prompts, [clips.SCREEN_CALL]), about, joined(prompts, [clips.SCREEN_KEYS])))


def joined(prompts: Path, names: Sequence[str]) -> str:
    """Files for Playback, Read or GET DATA, without their extension."""
    return "&".join(str(prompts / name) for name in names)
