"""The conversation, with a caller made of a list of keys and a clock that runs as the prompts would."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.dialogue import Choice, Manners, Question, Understanding, converse

CATEGORY = Question("category", ("ask-category", "option-fire"), (Choice("1", "fire"), Choice("2", "medical")))
AREA = Question("area", ("ask-area", "option-north"), (Choice("1", "north"), Choice("2", "south")))

HILLS = Question("area", ("option-top", "option-foot"), (Choice("1", "top"), Choice("2", "foot")), group="1")
COAST = Question("area", ("option-bay", "option-cape"), (Choice("1", "bay"), Choice("2", "cape")), group="2")
GROUPS = Question(
    "area",
    ("ask-area", "option-hills", "option-coast", "option-market"),
    (Choice("1", "1", then=HILLS), Choice("2", "2", then=COAST), Choice("3", "market")),
)


@dataclass(frozen=True)
class City:
    areas: Question = AREA

    def next_question(self, known: Understanding) -> Question | None:
        if known.category is None:
            return CATEGORY
        return self.areas if known.area is None else None


@dataclass
class Person:
    """Presses the given keys one question after the other; '' is silence. Every clip lasts `clip` seconds.

    Keys pressed in one go that are more than a question takes are heard by the next one.
    """

    keys: list[str]
    clip: float = 2.0
    city: City = field(default_factory=City)
    now: float = 0.0
    heard: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def seconds(self, clips: Sequence[str]) -> float:
        return self.clip * len(clips)

    def ask(self, clips: Sequence[str], *, digits: int, wait: float) -> str:
        self.heard.append(tuple(clips))
        key, rest = (pressed := self.keys.pop(0) if self.keys else "")[:digits], pressed[digits:]
        self.keys[:0] = [rest] if rest else []
        self.now += self.seconds(clips) + (0 if key else wait)
        return key

    def talk(self, manners: Manners | None = None, known: Understanding | None = None) -> Understanding:
        return converse(
            self,
            self.city,
            manners or Manners(),
            clock=lambda: self.now,
            note=lambda kind, detail: self.notes.append((kind, detail)),
            known=known,
        )


def test_two_keys_tell_category_and_place() -> None:
    caller = Person(["1", "2"])
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


def test_a_group_is_chosen_with_one_key_and_the_place_with_the_next() -> None:
    caller = Person(["1", "2", "1"], city=City(GROUPS))
    assert caller.talk() == Understanding("fire", "bay", {"category": "key", "area": "key"})
    assert caller.heard[1:] == [GROUPS.clips, COAST.clips]


def test_who_knows_both_digits_presses_them_in_one_go() -> None:
    assert Person(["1", "12"], city=City(GROUPS)).talk().area == "foot"


def test_a_place_beside_the_groups_needs_one_key() -> None:
    caller = Person(["1", "3"], city=City(GROUPS))
    assert (caller.talk().area, len(caller.heard)) == ("market", 2)


def test_every_question_of_a_city_with_groups_waits_for_one_key_only() -> None:
    assert {question.digits for question in (GROUPS, HILLS, COAST)} == {1}


def test_a_key_of_a_group_is_no_answer_yet() -> None:
    assert [GROUPS.meaning(key) for key in "1239"] == [None, None, "market", None]


@pytest.mark.parametrize("keys", [["1", "0"], ["1", "2", "0"], ["1", "20"]])
def test_zero_is_the_operator_at_every_point_of_a_city_with_groups(keys: list[str]) -> None:
    understood = Person(keys, city=City(GROUPS)).talk()
    assert (understood.category, understood.area, understood.reason) == ("fire", None, "key")


def test_wrong_keys_are_counted_for_each_question_also_inside_a_group() -> None:
    caller = Person(["9", "1", "9", "2", "9", "2"], clip=1.0, city=City(GROUPS))
    assert caller.talk().area == "cape"
    assert caller.heard[-1] == ("wrong-key", *COAST.clips)
    assert Person(["1", "2", "9", "9"], city=City(GROUPS)).talk().reason == "wrong_key"


def test_the_record_says_which_group_was_asked_about() -> None:
    caller = Person(["1", "2", "7", ""], city=City(GROUPS))
    caller.talk()
    group = [(kind, detail.get("group")) for kind, detail in caller.notes if detail.get("question") == "area"]
    assert group == [
        *[("question", None), ("key_pressed", None)],
        *[("question", "2"), ("key_pressed", "2"), ("wrong_key", "2")],
        *[("question", "2"), ("no_input", "2"), ("operator_chosen", "2")],
    ]


PATIENT = Manners(budget=60, mistakes=3, repeat_on_silence=True)


def test_a_silent_caller_hears_the_question_again_where_the_city_wants_it() -> None:
    caller = Person(["", "2", "", "1"])
    assert caller.talk(PATIENT) == Understanding("medical", "north", {"category": "key", "area": "key"})
    assert caller.heard[:2] == [("greeting", *CATEGORY.clips), CATEGORY.clips]


def test_who_stays_silent_reaches_an_operator_who_is_told_so() -> None:
    caller = Person([])
    understood = caller.talk(PATIENT)
    assert (understood.reason, understood.possibly_silent) == ("no_input", True)
    assert len(caller.heard) == 3
    assert [kind for kind, _ in caller.notes if kind == "no_input"] == ["no_input"] * 3


def test_silence_and_wrong_keys_count_together() -> None:
    understood = Person(["", "9", "9", "1"]).talk(PATIENT)
    assert (understood.reason, understood.possibly_silent) == ("wrong_key", False)


def test_who_stays_silent_until_the_budget_is_spent_is_possibly_silent_too() -> None:
    caller = Person([], clip=6.0)
    understood = caller.talk(Manners(budget=30, repeat_on_silence=True))
    assert (understood.reason, understood.possibly_silent, len(caller.heard)) == ("no_input", True, 1)


@given(
    keys=st.lists(st.text("0123456789*#", max_size=3), max_size=12),
    clip=st.floats(0.1, 30),
    manners=st.builds(Manners, budget=st.floats(1, 60), mistakes=st.integers(1, 5), repeat_on_silence=st.booleans()),
    city=st.sampled_from([City(), City(GROUPS)]),
)
def test_whatever_is_pressed_the_questions_end_within_the_budget(
    keys: list[str], clip: float, manners: Manners, city: City
) -> None:
    caller = Person(keys, clip=clip, city=city)
    understood = caller.talk(manners)
    assert caller.now <= manners.budget
    assert understood.wants_operator or (understood.category and understood.area)


def test_a_hang_up_passes_through() -> None:
    class Gone(Person):
        def ask(self, clips: Sequence[str], *, digits: int, wait: float) -> str:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        Gone([]).talk()
