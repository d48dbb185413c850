"""What everybody does and what breaks when: a pure function of the seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TypeVar

Choice = TypeVar("Choice")

BURST = 10  # callers within a second, at most
FIRST_FAULT = 3  # calls


class Manner(StrEnum):
    """How a caller behaves."""

    PATIENT = "answers both questions"
    AHEAD = "types ahead"
    SILENT = "presses nothing"
    WRONG = "presses wrong keys"
    OPERATOR = "presses 0 at once"
    ZERO = "presses 0 while it rings"
    CORRECTS = "corrects with *"
    MASHES = "presses keys at random"
    LEAVES = "hangs up somewhere"
    LONG = "talks for long"
    HOSTILE = "has a hostile name"


class Act(StrEnum):
    """What somebody does whose phone rings."""

    TALKS = "takes the call and talks"
    ENDS = "takes the call and ends it"
    DECLINES = "declines"
    LISTENS = "picks up and says nothing"
    GONE = "picks up and hangs up"
    DROPS = "takes the call and is gone at once"
    BUSY = "is busy"
    DEAF = "does not answer"
    OFF = "switches the phone off for a while"


class Cause(StrEnum):
    """What breaks."""

    KILLED = "controller killed"
    FROZEN = "controller frozen"
    DRAINED = "controller asked to stop"
    AWAY = "controller killed, nobody restarts it"
    PROBED = "AGI port probed"
    SLOW_AGI = "slow strangers at the AGI port"
    SLOW_HTTP = "slow strangers at the HTTP port"
    AMI_DROPPED = "AMI silent"
    AMI_REFUSED = "AMI refused"
    AMI_BURST = "burst of AMI events"
    LOCKED = "database locked"
    DELETED = "database deleted"
    GARBAGE = "database full of garbage"
    DISK = "disk full"
    RULES_GOOD = "rules changed"
    RULES_BROKEN = "rules broken"
    RULES_HALF = "rules half written"
    RULES_GONE = "rules deleted"
    PROMPT_GONE = "a prompt deleted"
    PROMPT_CUT = "a prompt cut short"


LANES: dict[str, tuple[int, dict[Cause, float]]] = {
    "controller": (40, {Cause.KILLED: 4, Cause.FROZEN: 3, Cause.DRAINED: 2, Cause.AWAY: 2}),
    "ports": (40, {Cause.PROBED: 1, Cause.SLOW_AGI: 1, Cause.SLOW_HTTP: 1}),
    "manager": (35, {Cause.AMI_DROPPED: 1, Cause.AMI_REFUSED: 1, Cause.AMI_BURST: 1}),
    "database": (40, {Cause.LOCKED: 4, Cause.DELETED: 1, Cause.GARBAGE: 1}),
    "disk": (120, {Cause.DISK: 1}),
    "rules": (25, {Cause.RULES_GOOD: 3, Cause.RULES_BROKEN: 1, Cause.RULES_HALF: 1, Cause.RULES_GONE: 1}),
    "prompts": (30, {Cause.PROMPT_GONE: 1, Cause.PROMPT_CUT: 1}),
}
"""What breaks independently of each other: one at a time in each lane, every so many calls, with these weights."""

_SECONDS: dict[Cause, tuple[float, float]] = {
    Cause.AWAY: (2, 8),
    Cause.LOCKED: (1, 15),
    Cause.AMI_DROPPED: (2, 12),
    Cause.AMI_REFUSED: (1, 8),
    Cause.DISK: (2, 8),
}

_MANNERS: dict[Manner, float] = {
    Manner.PATIENT: 22,
    Manner.AHEAD: 8,
    Manner.SILENT: 8,
    Manner.WRONG: 7,
    Manner.OPERATOR: 8,
    Manner.ZERO: 7,
    Manner.CORRECTS: 6,
    Manner.MASHES: 8,
    Manner.LEAVES: 19,
    Manner.LONG: 2,
    Manner.HOSTILE: 5,
}

_OFFICERS: dict[Act, float] = {
    Act.TALKS: 60,
    Act.ENDS: 5,
    Act.DECLINES: 6,
    Act.LISTENS: 2,
    Act.GONE: 6,
    Act.DROPS: 4,
    Act.BUSY: 6,
    Act.DEAF: 8,
    Act.OFF: 3,
}
_OPERATORS = {**_OFFICERS, Act.DECLINES: 0, Act.LISTENS: 0, Act.GONE: 0, Act.TALKS: 72}

NAMES = (
    "'; DROP TABLE calls; --",
    "${SHELL(id)}",
    "=1+1",
    "%0d%0aAction: Logoff",
    "a" * 3000,
    "\u202egnp.exe",
    "Ñandú \U0001f525",
    '"\\',
    "|&,()[]{}",
)


@dataclass(frozen=True, slots=True)
class Caller:
    """One call. `at` since the beginning, `presses` since the answer, `leaves` (whatever happens) since dialling, all
    in seconds; None: stays until a human has talked. Nobody else dials `dialled`."""

    number: int
    at: float
    manner: Manner
    presses: tuple[tuple[float, str], ...] = ()
    leaves: float | None = None
    talks: float = 3.0
    noise: bool = False
    name: str = ""

    @property
    def dialled(self) -> str:
        """The number, by which the log's call is known."""
        return f"0536{self.number:06}"


@dataclass(frozen=True, slots=True)
class Reaction:
    """To one ringing: after `rings` seconds the act, its key `thinks` seconds later; `stays` before it is over."""

    act: Act
    rings: float
    thinks: float
    stays: float


@dataclass(frozen=True, slots=True)
class Fault:
    """`cause` for `seconds`, beginning `after` seconds after call `call` was dialled. `pick` chooses among files."""

    cause: Cause
    call: int
    after: float
    seconds: float
    pick: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything but the reactions of the called, who are asked ring by ring (`reaction`)."""

    seed: int
    callers: tuple[Caller, ...]
    faults: dict[str, tuple[Fault, ...]]


def plan(seed: int, calls: int, lanes: Sequence[str] = tuple(LANES), often: float = 1.0) -> Plan:
    """The same for the same arguments; fewer lanes or more calls leave the others' faults as they are."""
    faults = {lane: tuple(_faults(seed, calls, lane, often)) for lane in lanes}
    return Plan(seed, tuple(_callers(seed, calls)), faults)


def reaction(seed: int, human: str, ring: int) -> Reaction:
    """What this human does when the phone rings for the `ring`-th time."""
    chance = Random(f"{seed}/human/{human}/{ring}")
    act = _any(chance, _OPERATORS if human.startswith("operator") else _OFFICERS)
    stays = {Act.ENDS: chance.uniform(4, 7), Act.OFF: chance.uniform(3, 12), Act.DROPS: chance.uniform(0.2, 0.9)}
    return Reaction(act, chance.uniform(0.3, 2.5), chance.uniform(0.4, 2.5), stays.get(act, 60.0))


def _callers(seed: int, calls: int) -> Iterator[Caller]:
    for number, at in enumerate(_arrivals(Random(f"{seed}/arrivals"), calls), 1):
        chance = Random(f"{seed}/caller/{number}")
        manner = _any(chance, _MANNERS)
        yield Caller(
            number,
            round(at, 2),
            manner,
            tuple(_presses(chance, manner)),
            leaves=_leaves(chance, manner),
            talks=round(chance.uniform(20, 30) if manner == Manner.LONG else chance.uniform(1.5, 4), 1),
            noise=manner != Manner.HOSTILE and chance.random() < 0.12,
            name=chance.choice(NAMES) if manner == Manner.HOSTILE else "",
        )


def _arrivals(chance: Random, calls: int) -> Iterator[float]:
    """Single callers, bursts within a second, and calm stretches; about two a second in all."""
    at, made = 0.0, 0
    while made < calls:
        burst = chance.randint(3, BURST) if chance.random() < 0.15 else 1
        for offset in sorted(chance.uniform(0, 1) if burst > 1 else 0.0 for _ in range(min(burst, calls - made))):
            yield at + offset
        made += burst
        at += 1.0 + chance.uniform(3, 6) if chance.random() < 0.06 else chance.uniform(0.2, 1.0)
        at += 1.0 if burst > 1 else 0.0


def _presses(chance: Random, manner: Manner) -> Iterator[tuple[float, str]]:
    first = chance.uniform(0.8, 6)
    second = first + chance.uniform(0.9, 4)
    category, area = chance.choice("12345"), chance.choice("123")
    both = [(first, category), (second, area)]
    if area == "3":
        both.append((second + chance.uniform(1, 2.5), chance.choice("12")))
    match manner:
        case Manner.PATIENT | Manner.LONG | Manner.HOSTILE:
            keys = both
        case Manner.AHEAD:
            keys = [(chance.uniform(0.1, 1), category + area + chance.choice("12"))]
        case Manner.WRONG:
            keys = [(first, chance.choice("6789#")), (second, chance.choice("6789#")), (second + 3, category)]
        case Manner.OPERATOR:
            keys = [(chance.uniform(0.2, 4), "0")]
        case Manner.ZERO:
            keys = [*both, (both[-1][0] + chance.uniform(1.5, 5), "0")]
        case Manner.CORRECTS:
            star = both[-1][0] + chance.uniform(1.5, 4)
            keys = [*both, (star, "*"), (star + chance.uniform(0.5, 3), "2"), (star + chance.uniform(3, 6), "1")]
        case Manner.MASHES:
            keys = [(chance.uniform(0.1, 15), chance.choice("0123456789*#")) for _ in range(chance.randint(3, 12))]
        case Manner.LEAVES:
            keys = both[: chance.randint(0, len(both))]
        case _:
            keys = []
    yield from sorted((round(at, 2), key) for at, key in keys)


def _leaves(chance: Random, manner: Manner) -> float | None:
    if manner == Manner.HOSTILE:
        return round(chance.uniform(6, 16), 1)
    return (
        round(chance.uniform(0.5, 4) if chance.random() < 0.4 else chance.uniform(4, 20), 1)
        if (manner == Manner.LEAVES)
        else None
    )


def _faults(seed: int, calls: int, lane: str, often: float) -> Iterator[Fault]:
    every, causes = max(1, round(LANES[lane][0] / often)), LANES[lane][1]
    chance, call = Random(f"{seed}/faults/{lane}"), FIRST_FAULT
    while True:
        call += chance.randint(1, 2 * every - 1)
        if call > calls:
            return
        cause = _any(chance, causes)
        seconds = chance.uniform(*_SECONDS.get(cause, (1, 6)))
        yield Fault(cause, call, round(chance.uniform(0, 3), 2), round(seconds, 1), chance.randrange(1000))


def _any(chance: Random, weights: dict[Choice, float]) -> Choice:
    return chance.choices(list(weights), list(weights.values()))[0]
