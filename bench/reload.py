"""Calls in progress while the rules are changed again and again: does any of them end otherwise?"""

import hashlib
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise

from bench.capture import Capture
from bench.city import CALL
from bench.figures import Bench, Cell, Figure, Goal, NotMeasured, median
from bench.reload_city import EDITS, LASTS, PROBE, SCRIPTS, Edit, Script, Town, edited, officers
from bench.wire import Trace
from ivr.calls.events import Event, Kind
from ivr.calls.projection import CallRecord
from ivr.phones import sipp
from ivr.phones.sipp import Sipp
from ivr.rulebook import status
from ivr.rules import load_rules, route
from tests.audio import load, silence_spans
from tests.system.server import until

CALLERS = 50
EVERY = 4.0  # seconds from one saving to the next
TIMEOUT = 90.0  # seconds
_PROBE_LASTS = 7.0  # seconds
_TURNS = {Kind.STEP, Kind.QUEUE, Kind.OVERFLOW, Kind.LAST_RESORT}

Rang = Mapping[str, Sequence[tuple[float, str]]]
"""For each caller's number, which phones rang and when (seconds since 1970)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call. `rung`: lines, turn by turn; `phones`: those that rang. Operators are all alike."""

    category: str | None
    area: str | None
    rung: tuple[tuple[str, ...], ...]
    phones: tuple[str, ...]
    answered_by: str | None
    outcome: str
    hung_up_by: str | None
    lifeline: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One edit: seconds from saving to in force, the stages of the calls then, whether a new call followed it."""

    name: str
    seconds: float
    stages: Mapping[str, int]
    followed: bool


@dataclass(frozen=True, slots=True)
class Round:
    """All callers once, by what they do; `lost`: cut off, or never taken by a human; `silences`: the longest of each
    (s) before that."""

    outcomes: Mapping[str, Outcome]
    lost: int
    silences: Mapping[str, float]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Wire:
    """What was seen of the callers of one round, in ms: from the last key's release to the agency's INVITE, and the
    longest between two packets of sound."""

    delays: Mapping[str, float]
    gaps: Mapping[str, float]


def measure(bench: Bench) -> Figure:
    """The same callers without a change, then with one every few seconds."""
    with Town(bench.room("reload")) as town:
        bench.tell(f"{CALLERS} calls while the rules stay")
        with Capture() as capture:
            quiet = play(town, 1, CALLERS)
        still = _seen(capture)
        bench.tell(f"{CALLERS} calls while the rules change {len(EDITS)} times")
        with Capture() as capture:
            changing = play(town, 2, CALLERS, EDITS)
    for change in changing.changes:
        stages = ", ".join(f"{count} {stage}" for stage, count in change.stages.items())
        bench.tell(f"{change.name} while {stages}: in force after {change.seconds:.2f} s")
    for line in differences(quiet, changing):
        bench.tell(line)
    return _figure(quiet, changing, still, _seen(capture))


def differences(one: Round, other: Round) -> list[str]:
    """Everybody whose call ended otherwise, with both outcomes."""
    everybody = sorted(one.outcomes.keys() | other.outcomes.keys())
    both = [(who, one.outcomes.get(who), other.outcomes.get(who)) for who in everybody]
    return [f"{who}: {before}\nbecame {after}" for who, before, after in both if before != after]


def _figure(quiet: Round, changing: Round, still: Wire, moving: Wire) -> Figure:
    in_force = [change.seconds for change in changing.changes]
    strayed = [change for change in changing.changes if not change.followed]
    both, wire = (quiet, changing), (still, moving)
    rows: tuple[tuple[Cell, ...], ...] = (
        ("calls", *(len(one.outcomes) for one in both)),
        ("lost calls", *(one.lost for one in both)),
        ("changed outcomes", "-", len(differences(*both))),
        ("changes of the rules meanwhile", *(len(one.changes) for one in both)),
        ("calls in progress at a change, least", "-", min(sum(c.stages.values()) for c in changing.changes)),
        ("new calls by the new rules", "-", f"{len(in_force) - len(strayed)} of {len(in_force)}"),
        ("saving to in force, median, s", "-", round(median(in_force), 2)),
        ("saving to in force, most, s", "-", round(max(in_force), 2)),
        ("last key to the agency's INVITE, median, ms", *(round(median([*one.delays.values()]), 1) for one in wire)),
        ("last key to the agency's INVITE, most, ms", *(round(max(one.delays.values()), 1) for one in wire)),
        ("longest gap in a caller's sound, ms", *(round(max(one.gaps.values())) for one in wire)),
        ("longest silence before a human, s", *(round(max(one.silences.values()), 2) for one in both)),
        (
            "longer than in the other run, most, s",
            *(round(max(longer), 2) for longer in (_more(*both[::-1]), _more(*both))),
        ),
    )
    return Figure(
        "reload",
        "Rules changed under calls in progress",
        f"{CALLERS} callers with {len(SCRIPTS)} scripts, so that at every change some are in each question, hear the "
        "first or a later step ring, wait for operators, talk, or correct what was understood; first without a "
        f"change, then with one every {EVERY:g} s: keys exchanged, lines removed, numbers changed, steps reversed, "
        "agencies renamed, all of it. An outcome is what was understood, which lines and phones rang in which order, "
        "who answered and who hung up. Saving to in force includes the wait until the editor is done (0.5 s)",
        ("", "without", "with changes"),
        rows,
        (
            Goal("changed outcomes", len(differences(*both)), 0),
            Goal("lost calls", quiet.lost + changing.lost, 0),
            Goal("new calls that did not follow the new rules", len(strayed), 0),
        ),
        {
            "saving to in force, s": in_force,
            "without, key to INVITE, ms": [*still.delays.values()],
            "with changes, key to INVITE, ms": [*moving.delays.values()],
            "silence added, s": _more(quiet, changing),
        },
    )


def _more(one: Round, other: Round) -> list[float]:
    """By how many seconds the longest silence of each caller is longer in the other round."""
    return [other.silences[who] - one.silences[who] for who in one.silences.keys() & other.silences.keys()]


# One round.


def play(town: Town, number: int, callers: int, edits: Sequence[Edit] = ()) -> Round:
    """All callers once; when all of them are there, the edits are saved one after the other.

    Raises NotMeasured when a call is over before an edit, AssertionError when something does not happen in time.
    """
    digits = f"+6281{number}"
    with town.operators(), officers() as phones, ExitStack() as people:
        groups = [people.enter_context(group) for group in _groups(town, digits, callers)]
        until(lambda: len(_records(town, digits)) == callers, f"{callers} calls in progress", TIMEOUT)
        saved = [_save(town, people, digits, place, edit) for place, edit in enumerate(edits)]
        ended = [group.wait(TIMEOUT) for group in groups]
        until(lambda: all(_is_over(call) for call in _records(town, "+628")), "end of all calls", TIMEOUT)
        rang = _rang({name: phone.stop() for name, phone in phones.items()})
    calls = {_who(record.caller_number): record for record in _records(town, digits)}
    outcomes = {who: _outcome(*town.story(record.call_id), rang) for who, record in calls.items()}
    reached = sum(outcome.answered_by is not None for outcome in outcomes.values())
    return Round(
        outcomes,
        max(sum(group.failed for group in ended), callers - reached),
        {who: _silence(town, record) for who, record in calls.items()},
        tuple(_change(town, edit, stages, seconds, probe, rang) for edit, stages, seconds, probe in saved),
    )


def _groups(town: Town, digits: str, callers: int) -> Iterator[Sipp]:
    """Those with one script dial one second after the other, those with another script in between."""
    for place, script in enumerate(SCRIPTS):
        calls = callers // len(SCRIPTS) + (place < callers % len(SCRIPTS))
        if calls:
            yield Sipp(script.scenario(f"{digits}{place:02}{{call}}"), town.registrar, calls=calls, rate=1)
            time.sleep(1 / len(SCRIPTS))  # a pace, not a wait


def _who(number: str) -> str:
    return f"{_script(number).doing}, caller {number[-1]}"


def _script(number: str) -> Script:
    return SCRIPTS[int(number[-3:-1])]


def _records(town: Town, digits: str) -> list[CallRecord]:
    return [record for record in town.calls() if record.caller_number.startswith(digits)]


def _is_over(record: CallRecord) -> bool:
    return bool(record.ended_at and record.recording_checked_at)


def _save(
    town: Town, people: ExitStack, digits: str, place: int, edit: Edit
) -> tuple[Edit, Mapping[str, int], float, str]:
    """Save an edit and let somebody call once it is in force; returned EVERY seconds after the saving."""
    began, text = time.time(), edited(edit)
    open_calls = [record for record in _records(town, digits) if record.ended_at is None]
    if not open_calls:
        raise NotMeasured(f"all calls were over before {edit.__name__}")
    new = town.rules.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    saved = time.time()
    new.replace(town.rules)
    until(lambda: _in_force(town, text), f"{edit.__name__} in force", 30)
    probe = f"+6289{digits[-1]}{place:02}1"
    people.enter_context(Sipp(PROBE.scenario(probe, _PROBE_LASTS), town.registrar, calls=1))
    time.sleep(max(0.0, began + EVERY - time.time()))  # a pace, not a wait
    return edit, Counter(record.stage for record in open_calls), _in_force(town, text) - saved, probe


def _in_force(town: Town, text: str) -> float:
    """Since when these rules are in force, 0.0 when they are not."""
    found = status.read(town.state / "rules")
    return found.in_force.at.timestamp() if found and found.in_force.digest == _digest(text) else 0.0


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# What became of it.


def _rang(phones: Mapping[str, sipp.Outcome]) -> Rang:
    rang: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for name, outcome in phones.items():
        for mark in outcome.marks:
            if mark.name == "rang" and (shown := re.search(r"sips?:([^@;>\s]*)@", mark.detail)):
                rang[shown[1]].append((mark.at, name))
    return rang


def _outcome(record: CallRecord, events: Sequence[Event], rang: Rang) -> Outcome:
    phones = tuple(sorted(name for _, name in rang.get(record.caller_number, ())))
    taker = record.answered_by and _alike(record.answered_by)
    ended = str(record.outcome), record.hung_up_by, record.lifeline
    return Outcome(record.category, record.area, rung(events), phones, taker, *ended)


def rung(events: Iterable[Event]) -> tuple[tuple[str, ...], ...]:
    """The lines of every step, and of every wait for operators or the 24-hour line."""
    turns: list[set[str]] = []
    for event in events:
        if event.kind in _TURNS:
            turns.append(set())
        elif event.kind == Kind.RING:
            turns[-1].add(_alike(str(event.detail["line"])))
    return tuple(tuple(sorted(turn)) for turn in turns)


def _alike(line: str) -> str:
    """Which operator is next depends on who else waits."""
    return re.sub(r"^operator\d+$", "operator", line)


def _seen(capture: Capture) -> Wire:
    trace, sound = Trace(capture.packets), defaultdict(list)
    for packet in capture.packets:
        if packet.payload[:1] == b"\x80":
            sound[packet.target].append(packet.at)
    invited, delays, gaps = defaultdict(list), {}, {}
    for invite in trace.invites:
        invited[invite.number].append(invite.at)
    for call in trace.invites:
        if call.dials == CALL and call.number.startswith("+6281"):
            keys = trace.keys(call, until=call.at + LASTS)
            later = [at for at in invited[call.number] if keys and at > keys[-1].released]
            if later and len(keys) == len(_script(call.number).presses):  # else another SIPp sends from the same port
                delays[_who(call.number)] = 1000 * (min(later) - keys[-1].released)
            heard = [at for at in sound[call.media] if call.at < at < call.at + LASTS]
            gaps[_who(call.number)] = 1000 * max((two - one for one, two in pairwise(heard)), default=1000 * LASTS)
    return Wire(delays, gaps)


def _silence(town: Town, record: CallRecord) -> float:
    """The longest, in seconds, that the recording of what the caller heard holds until a human took the call."""
    sound = load(town.recording_of(record))
    if record.answered_at and record.recording_started_at:
        sound = sound[: round(8000 * (record.answered_at - record.recording_started_at).total_seconds())]
    return max((span.seconds for span in silence_spans(sound, minimum=0.1)), default=0.0)


def _change(town: Town, edit: Edit, stages: Mapping[str, int], seconds: float, probe: str, rang: Rang) -> Change:
    record, events = town.ended_call(probe)
    outcome, text = _outcome(record, events, rang), edited(edit)
    expected = _expected(text, PROBE, record)
    seen = (record.rules, outcome.category, outcome.area, *outcome.rung[:1], *outcome.phones[:1])
    return Change(edit.__name__, seconds, stages, seen == expected)


def _expected(text: str, script: Script, record: CallRecord) -> tuple[object, ...]:
    """Rules, category, area, and the first step with its phones, by the rules' own route()."""
    rules, (category, area) = load_rules(text), (key for _, key in script.presses)
    what = next(one.id for one in rules.categories if one.key == category)
    where = next(one.code for one in rules.areas if one.key == area)
    assert record.arrived_at is not None
    lines = route(rules, what, where, record.arrived_at).steps[0].lines
    phones = sorted(re.sub(r"^sip:|@.*$|^0.*", "", rules.line(line).phone or "") or "cepat" for line in lines)
    return (_digest(text), what, where, tuple(sorted(lines)), *phones[:1])
