"""The files we ship fit together."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.controller.script import CityScript, manners
from ivr.dialogue import Question, Understanding
from ivr.prompts.render import expected_seconds
from ivr.prompts.shelf import PAUSE
from ivr.prompts.sources import prompt_sources
from ivr.rules import load_rules

PROJECT = Path(__file__).resolve().parents[1]
MONDAY_NOON = datetime(2026, 11, 23, 5, tzinfo=UTC)
CITIES = [PROJECT / "routing_rules.yaml", *(PROJECT / "examples" / f"{name}.yaml" for name in ("ambon", "kendari"))]


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.stem)
def test_a_caller_who_hears_every_question_to_its_end_can_still_answer_them(city: Path) -> None:
    rules = load_rules(city)
    texts = prompt_sources(rules, PROJECT / "recordings").prompts()
    script, patience = CityScript(rules, MONDAY_NOON), manners(rules)

    def seconds(clips: tuple[str, ...]) -> float:
        return sum(expected_seconds(texts[clip].text) + PAUSE for clip in clips)

    def longest(question: Question | None) -> float:
        """With the longest of the groups behind it, where it has any."""
        if question is None:
            return 0.0
        behind = [longest(choice.then) for choice in question.choices if choice.then]
        return seconds(question.clips) + max(behind, default=0.0)

    known = [Understanding(category.id, area.code) for category in rules.categories for area in rules.areas]
    first, second = Understanding(), Understanding(category="kebakaran")
    questions = longest(script.next_question(first)) + longest(script.next_question(second))
    kelurahan = max(longest(script.next_question(one)) for one in known)
    assert questions > 25
    assert seconds(patience.opening) + questions + kelurahan + patience.wait <= patience.budget
