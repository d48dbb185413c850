"""The conversation: at most a few questions, each one prompt and one key, inside a hard budget of seconds.

Every way out leads to a person. An answer that was understood goes on to the next question; `0`, silence, repeated
wrong keys or a spent budget end the questions at once and the caller goes to an operator with what is known so far.
Where one digit cannot tell all answers apart, a choice opens a further question: every prompt still waits for one
key, so nobody waits for a second digit that never comes, and who knows both digits can press them in one go.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

OPERATOR_KEY = "0"
LEAST_WAIT = 1.0  # seconds for a key after a prompt; with less left the question is not put any more

Subject = Literal["category", "area", "kelurahan"]
How = Literal["key", "speech", "network", "operator"]
Reason = Literal["complete", "key", "no_input", "wrong_key", "budget", "error"]
Note = Callable[[str, Mapping[str, str | int | bool]], None]


class Caller(Protocol):
    """The person on the line. Both methods raise the adapter's own hang-up exception, which passes through here."""

    def ask(self, clips: Sequence[str], *, digits: int, wait: float) -> str:
        """Play the clips as one prompt that keys interrupt; the keys pressed until `wait` s after it, or ''."""

    def seconds(self, clips: Sequence[str]) -> float:
        """How long the clips sound, in seconds."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing a caller can mean; with `then` it is a group of things, and that question asks which of them."""

    key: str
    id: str
    then: "Question | None" = None


@dataclass(frozen=True, slots=True)
class Question:
    """One question: what is played, and what each key means. `group` is the group it asks about, if any."""

    subject: Subject
    clips: tuple[str, ...]
    choices: tuple[Choice, ...]
    group: str | None = None

    @property
    def digits(self) -> int:
        """The longest key: how many digits end the input at once."""
        return max((len(choice.key) for choice in self.choices), default=1)

    def choice(self, key: str) -> Choice | None:
        """What a key means here, or None."""
        return next((choice for choice in self.choices if choice.key == key), None)

    def meaning(self, key: str) -> str | None:
        """The answer behind a key, or None for a key that means nothing here or only a group."""
        choice = self.choice(key)
        return choice.id if choice and choice.then is None else None

    @property
    def detail(self) -> dict[str, str]:
        """How the question is named in the record of a call: `{"question": "area", "group": "2"}`."""
        return {"question": self.subject, **({"group": self.group} if self.group else {})}


@dataclass(frozen=True, slots=True)
class Understanding:
    """What the caller made known, and why the questions ended."""

    category: str | None = None
    area: str | None = None
    how: Mapping[str, How] = field(default_factory=dict)
    reason: Reason = "complete"
    possibly_silent: bool = False

    @property
    def wants_operator(self) -> bool:
        """Anything but a full set of answers goes to a person first."""
        return self.reason != "complete"

    def knowing(self, subject: Subject, answer: str, how: How) -> "Understanding":
        """With one more answer. A kelurahan is a finer area."""
        known = {**self.how, subject: how}
        if subject == "category":
            return replace(self, category=answer, how=known)
        return replace(self, area=answer, how=known)


class Script(Protocol):
    """The city's questions."""

    def next_question(self, known: Understanding) -> Question | None:
        """What to ask next, None when enough is known. Network locations arrive in `known` and skip the place."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How patient we are: seconds for everything, seconds after each prompt, mistakes allowed for one question.

    Silence ends the questions, or with `repeat_on_silence` it is a mistake like a wrong key.
    """

    budget: float = 40.0
    wait: float = 5.0
    mistakes: int = 2
    repeat_on_silence: bool = False
    opening: tuple[str, ...] = ("greeting",)
    after_wrong_key: tuple[str, ...] = ("wrong-key",)


def converse(
    caller: Caller,
    script: Script,
    manners: Manners,
    *,
    clock: Callable[[], float],
    note: Note,
    known: Understanding | None = None,
) -> Understanding:
    """Ask until nothing is left to ask, or until a person is the better answer.

    `note(kind, detail)` is told every step: question, key_pressed, wrong_key, no_input, understood, operator_chosen.
    """
    known = known or Understanding()
    deadline = clock() + manners.budget
    opening = manners.opening
    question = script.next_question(known)
    while question:
        choice, reason = _ask(caller, question, opening, manners, deadline, clock=clock, note=note)
        if choice is None:
            silent = reason == "no_input"
            note("operator_chosen", {**question.detail, "reason": reason, "possibly_silent": silent})
            return replace(known, reason=reason, possibly_silent=silent)
        opening = ()
        if choice.then is None:
            known = known.knowing(question.subject, choice.id, "key")
            what = "category" if question.subject == "category" else "area"
            note("understood", {"what": what, "value": choice.id, "how": "key"})
        question = choice.then or script.next_question(known)
    return known


def _ask(
    caller: Caller,
    question: Question,
    opening: tuple[str, ...],
    manners: Manners,
    deadline: float,
    *,
    clock: Callable[[], float],
    note: Note,
) -> tuple[Choice | None, Reason]:
    """What was chosen, or None and the reason why an operator must take over."""
    clips: tuple[str, ...] = (*opening, *question.clips)
    reason: Reason = "budget"
    for attempt in range(1, manners.mistakes + 1):
        wait = min(manners.wait, deadline - clock() - caller.seconds(clips))
        if wait < LEAST_WAIT:
            return None, "no_input" if reason == "no_input" else "budget"
        note("question", {**question.detail, "attempt": attempt})
        key = caller.ask(clips, digits=question.digits, wait=wait)
        if not key:
            note("no_input", {**question.detail, "attempt": attempt})
            if not manners.repeat_on_silence:
                return None, "no_input"
            clips, reason = question.clips, "no_input"
            continue
        note("key_pressed", {**question.detail, "keys": key})
        if key.startswith(OPERATOR_KEY):
            return None, "key"
        if choice := question.choice(key):
            return choice, "complete"
        note("wrong_key", {**question.detail, "keys": key, "attempt": attempt})
        clips, reason = (*manners.after_wrong_key, *question.clips), "wrong_key"
    return None, reason
