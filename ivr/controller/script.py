"""The city's questions, made from its rules."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ivr.dialogue import Choice, Manners, Question, Understanding, clips
from ivr.dialogue.conversation import Subject
from ivr.rules import Kecamatan, Rules, asks_kelurahan


@dataclass(frozen=True, slots=True)
class CityScript:
    """Category, then kecamatan where the category needs a place, then kelurahan where it changes who is rung."""

    rules: Rules
    at: datetime

    def next_question(self, known: Understanding) -> Question | None:
        """The next question, None when enough is known."""
        category = self.rules.category(known.category)
        if category is None:
            return self._categories()
        if not category.asks_area:
            return None
        if known.area is None:
            return self._areas()
        kecamatan = self.rules.area(known.area)
        if isinstance(kecamatan, Kecamatan) and asks_kelurahan(self.rules, category.id, known.area, self.at):
            return self._kelurahan(kecamatan)
        return None

    def _categories(self) -> Question:
        choices = [Choice(category.key, category.id) for category in self.rules.categories]
        return _question("category", clips.ASK_CATEGORY, "option", choices)

    def _areas(self) -> Question:
        """Every kecamatan by its key; those with two digits (`21`, `22`) behind the key of their group (`2`)."""
        behind: dict[str, list[Kecamatan]] = {}
        for kecamatan in self.rules.areas:
            behind.setdefault(kecamatan.key[0], []).append(kecamatan)
        choices = [_place(digit, areas) for digit, areas in behind.items()]
        if any(choice.then for choice in choices):
            choices.sort(key=lambda choice: choice.key)
        return _question("area", clips.ASK_AREA, "option-area", choices)

    def _kelurahan(self, kecamatan: Kecamatan) -> Question | None:
        choices = [Choice(place.key, place.code) for place in kecamatan.kelurahan if place.key]
        return _question("kelurahan", clips.ASK_KELURAHAN, "option-kelurahan", choices) if choices else None


def _place(digit: str, areas: Iterable[Kecamatan]) -> Choice:
    """The kecamatan that has this digit as its key, or the group of those whose keys begin with it.

    A group's own question is only its list: what is asked, and that zero is the operator, was said just before.
    """
    by_key = {kecamatan.key: kecamatan.code for kecamatan in areas}
    if digit in by_key:
        return Choice(digit, by_key[digit])
    choices = tuple(Choice(key[1:], by_key[key]) for key in sorted(by_key))
    spoken = tuple(clips.clip("option-area", choice.id) for choice in choices)
    return Choice(digit, digit, then=Question("area", spoken, choices, group=digit))


def _question(subject: Subject, ask: str, option: str, choices: Iterable[Choice]) -> Question:
    options = tuple(choices)
    spoken = [clips.clip("option-group" if choice.then else option, choice.id) for choice in options]
    return Question(subject, (ask, *spoken, clips.OPTION_OPERATOR), options)


def seconds_of_questions(rules: Rules, seconds: Callable[[Sequence[str]], float]) -> float:
    """How long somebody listens who waits for the end of every prompt until the last question about the kecamatan."""
    script = CityScript(rules, datetime.now(UTC))
    first = script.next_question(Understanding())
    asked = next((category for category in rules.categories if category.asks_area), None)
    total = seconds((*manners(rules).opening, *first.clips)) if first else 0.0
    second = script.next_question(Understanding(category=asked.id)) if asked else None
    if second is None:
        return total
    inside = [seconds(choice.then.clips) for choice in second.choices if choice.then]
    return total + seconds(second.clips) + max(inside, default=0.0)


def manners(rules: Rules, *, again: bool = False) -> Manners:
    """How patient this city is; a caller who corrects a misunderstanding is not greeted again."""
    policies = rules.policies
    return Manners(
        budget=policies.budget_seconds,
        wait=policies.wait_seconds,
        mistakes=policies.mistakes_allowed,
        repeat_on_silence=policies.repeats_on_silence,
        opening=(clips.ASK_AGAIN,) if again else (clips.GREETING,),
        after_wrong_key=(clips.WRONG_KEY,),
    )
