"""The city's questions, made from its rules."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

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
        return _question("category", clips.ASK_CATEGORY, "option", [(c.key, c.id) for c in self.rules.categories])

    def _areas(self) -> Question:
        return _question("area", clips.ASK_AREA, "option-area", [(a.key, a.code) for a in self.rules.areas])

    def _kelurahan(self, kecamatan: Kecamatan) -> Question | None:
        keyed = [(place.key, place.code) for place in kecamatan.kelurahan if place.key]
        return _question("kelurahan", clips.ASK_KELURAHAN, "option-kelurahan", keyed) if keyed else None


def _question(subject: Subject, ask: str, option: str, choices: Iterable[tuple[str, str]]) -> Question:
    options = tuple(Choice(key, meaning) for key, meaning in choices)
    spoken = [clips.clip(option, choice.id) for choice in options]
    return Question(subject, (ask, *spoken, clips.OPTION_OPERATOR), options)


def manners(rules: Rules, *, again: bool = False) -> Manners:
    """How patient this city is; a caller who corrects a misunderstanding is not greeted again."""
    policies = rules.policies
    return Manners(
        budget=policies.budget_seconds,
        wait=policies.wait_seconds,
        wrong_keys=policies.mistakes_allowed,
        opening=(clips.ASK_AGAIN,) if again else (clips.GREETING,),
        after_wrong_key=(clips.WRONG_KEY,),
    )
