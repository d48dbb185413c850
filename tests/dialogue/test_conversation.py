"""The conversation, with a caller made of a list of keys and a clock that runs as the prompts would."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.dialogue import Choice, Manners, Question, Understanding, converse

CATEGORY = Question("category", ("ask-category", "option-fire"), (Choice("1", "fire"), Choice("2", "medical")))
AREA = Question("area", ("ask-area", "option-north"), (Choice("1", "north"), Choice("12", "south")))


class City:
    def next_question(self, known: Understanding) -> Question | None:
        if known.category is None:
            return CATEGORY
        return AREA if known.area is None else None


@dataclass
class Person:
    """Presses the given keys one question after the other; '' is silence. Every clip lasts `clip` seconds."""

    keys: list[str]
    clip: float = 2.0
    now: float = 0.0
    heard: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def seconds(self, clips: Sequence[str]) -> float:
        return self.clip * len(clips)

    def ask(self, clips: Sequence[str], *, digits: int, wait: float) -> str:
        self.heard.append(tuple(clips))
        key = self.keys.pop(0) if self.keys else ""
        self.now += self.seconds(clips) + (0 if key else wait)
        return key

    def talk(self, manners: Manners | None = None, known: Understanding | None = None) -> Understanding:
        return converse(
            self,
            City(),
            manners or Manners(),
            clock=lambda: self.now,
            note=lambda kind, detail: self.notes.append((kind, detail)),
            known=known,
        )


def test_two_keys_tell_category_and_place() -> None:
    caller = Person(["1", "12"])
    assert caller.talk() == Understanding("fire", "south", {"category": "key", "area": "key"})
    assert caller.heard == [("greeting", "ask-category", "option-fire"), ("ask-area", "option-north")]


def test_zero_leads_to_an_operator_at_once() -> None:
    assert Person(["0"]).talk().reason == "key"


def test_zero_at_the_second_question_keeps_the_category() -> None:
    understood = Person(["1", "0"]).talk()
    assert (understood.category, understood.wants_operator) == ("fire", True)


def test_silence_leads_to_an_operator_and_is_flagged_as_possibly_silent() -> None:
    understood = Person([""]).talk()
    assert (understood.reason, understood.possibly_silent) == ("no_input", True)


def test_one_wrong_key_is_forgiven_and_the_question_is_asked_again() -> None:
    caller = Person(["7", "2", "1"])
    assert caller.talk().category == "medical"
    assert caller.heard[1] == ("wrong-key", "ask-category", "option-fire")


def test_two_wrong_keys_lead_to_an_operator_who_is_not_told_of_silence() -> None:
    understood = Person(["7", "#"]).talk()
    assert (understood.reason, understood.possibly_silent) == ("wrong_key", False)


def test_a_place_the_network_sent_is_not_asked_again() -> None:
    sent = Understanding(area="north", how={"area": "network"})
    caller = Person(["1"])
    assert caller.talk(known=sent) == Understanding("fire", "north", {"category": "key", "area": "network"})
    assert len(caller.heard) == 1


def test_every_step_is_noted_in_order() -> None:
    caller = Person(["9", "1", "1"])
    caller.talk()
    kinds = [kind for kind, _ in caller.notes]
    assert kinds == [
        *("question", "key_pressed", "wrong_key", "question", "key_pressed", "understood"),
        *("question", "key_pressed", "understood"),
    ]


def test_a_question_that_does_not_fit_into_the_budget_is_not_asked() -> None:
    caller = Person(["1", "1"], clip=10.0)
    assert caller.talk(Manners(budget=32.0)).reason == "budget"
    assert len(caller.heard) == 1


@given(
    keys=st.lists(st.text("0123456789*#", max_size=2), max_size=8),
    clip=st.floats(0.1, 30),
    budget=st.floats(1, 60),
)
def test_whatever_is_pressed_the_questions_end_within_the_budget(keys: list[str], clip: float, budget: float) -> None:
    caller = Person(keys, clip=clip)
    understood = caller.talk(Manners(budget=budget))
    assert caller.now <= budget
    assert understood.wants_operator or (understood.category and understood.area)


def test_a_hang_up_passes_through() -> None:
    class Gone(Person):
        def ask(self, clips: Sequence[str], *, digits: int, wait: float) -> str:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        Gone([]).talk()
