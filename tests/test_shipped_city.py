"""The files we ship fit together."""

from datetime import UTC, datetime
from pathlib import Path

from ivr.controller.script import CityScript, manners
from ivr.dialogue import Question, Understanding
from ivr.prompts.render import expected_seconds
from ivr.prompts.shelf import PAUSE
from ivr.prompts.sources import prompt_sources
from ivr.rules import load_rules

PROJECT = Path(__file__).resolve().parents[1]


def test_a_caller_who_hears_both_questions_to_their_end_can_still_answer_them() -> None:
    rules = load_rules(PROJECT / "routing_rules.yaml")
    texts = prompt_sources(rules, PROJECT / "recordings").prompts()
    script, patience = CityScript(rules, datetime.now(UTC)), manners(rules)

    def seconds(question: Question | None) -> float:
        assert question is not None
        return sum(expected_seconds(texts[clip].text) + PAUSE for clip in question.clips)

    first = script.next_question(Understanding())
    second = script.next_question(Understanding(category="kebakaran"))
    spoken = sum(expected_seconds(texts[clip].text) + PAUSE for clip in patience.opening)
    assert spoken + seconds(first) + seconds(second) + patience.wait <= patience.budget
