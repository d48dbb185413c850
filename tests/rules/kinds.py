"""Which sentence of ivr/messages/rules.yaml a problem is an instance of."""

import re
from functools import cache
from pathlib import Path

import yaml

import ivr.messages
from ivr.rules import Problem

_FILE = Path(ivr.messages.__file__).with_name("rules.yaml")


@cache
def sentences() -> dict[str, str]:
    """Everything in the file, by key."""
    found: dict[str, str] = yaml.load(_FILE.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    return found


@cache
def kinds() -> dict[str, re.Pattern[str]]:
    """Every kind of problem or warning with a pattern of its sentence; the longest sentences first."""
    found = {name: text for name, text in sentences().items() if f"{name}_remedy" in sentences()}
    ordered = sorted(found.items(), key=lambda item: -len(re.sub(r"\{\w+\}", "", item[1])))
    return {name: re.compile(_pattern(text), re.DOTALL) for name, text in ordered}


def _pattern(sentence: str) -> str:
    return "(.*)".join(re.escape(part) for part in re.split(r"\{\w+\}", sentence))


def kind_of(problem: Problem) -> str:
    """The kind of a problem; "" when no sentence fits."""
    return next((name for name, pattern in kinds().items() if pattern.fullmatch(problem.text)), "")
