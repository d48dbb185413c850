"""Asterisk's files as Asterisk reads them (main/config.c, pbx/pbx_config.c), as far as our generated ones need it."""

import re
from collections import defaultdict
from typing import Final

WEEK: Final = 7 * 24 * 60
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def sections(text: str) -> dict[str, list[tuple[str, str]]]:
    """Section names with their `name = value` pairs; several sections of one name are joined."""
    found: dict[str, list[tuple[str, str]]] = {}
    here: list[tuple[str, str]] = []
    for raw in text.split("\n"):
        line = _without_comment(raw).strip()
        if header := re.match(r"\[([^\]]*)\]", line):
            here = found.setdefault(header[1], [])
        elif line:
            name, equals, value = line.partition("=")
            assert equals, f"neither a section nor a value: {raw!r}"
            here.append((name.strip(), value.removeprefix(">").strip()))
    return found


def dialplan(text: str) -> dict[str, dict[str, list[str]]]:
    """Context -> extension -> applications in order. AssertionError where one priority is given twice."""
    contexts: dict[str, dict[str, list[str]]] = {}
    for context, pairs in sections(text).items():
        steps = contexts.setdefault(context, defaultdict(list))
        extension = ""
        for name, value in pairs:
            if name == "exten":
                extension, priority, application = value.split(",", 2)
                assert priority == "1", value
                assert extension not in steps, f"{extension} is there twice"
            elif name == "include":
                continue
            else:
                assert name == "same", name
                priority, _, application = value.partition(",")
                assert priority.partition("(")[0] == "n", value
            steps[extension].append(application)
    return {context: dict(steps) for context, steps in contexts.items()}


def caller_id(value: str) -> tuple[str, str]:
    """Name and number of `"Damkar" <damkar_1>` (ast_callerid_parse)."""
    match = re.fullmatch(r'"([^"\\]*)" <([^<>]*)>', value)
    assert match, value
    return match[1], match[2]


def go_to_if_time(application: str) -> tuple[set[int], str, str] | None:
    """Minutes of the week, zone and goal of `GotoIfTime(07:00-18:59,mon&tue,*,*,Asia/Jakarta?plan,p1,1)`."""
    match = re.fullmatch(r"GotoIfTime\((\d\d):(\d\d)-(\d\d):(\d\d),([a-z&*]+),\*,\*,([\w/]+)\?(.*)\)", application)
    if match is None:
        return None
    first, last = (int(match[n]) * 60 + int(match[n + 1]) for n in (1, 3))
    assert first <= last, application
    days = range(7) if match[5] == "*" else [DAYS.index(day) for day in match[5].split("&")]
    return {day * 1440 + minute for day in days for minute in range(first, last + 1)}, match[6], match[7]


def _without_comment(line: str) -> str:
    return re.split(r"(?<!\\);", line, maxsplit=1)[0].replace("\\;", ";")
