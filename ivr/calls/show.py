"""The record of calls for people: Indonesian text, the city's time, nothing a caller sent raw on the terminal."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ivr.calls.events import Event, Kind
from ivr.calls.projection import Attempt, CallRecord, Outcome
from ivr.messages import say

ZONE_NAMES = {
    "Asia/Jakarta": "WIB",
    "Asia/Pontianak": "WIB",
    "Asia/Makassar": "WITA",
    "Asia/Jayapura": "WIT",
}

# (kind of thing: category, area or line; its key) -> the name people know it by
Names = Callable[[str, str], str]


def keys_as_names(_what: str, key: str) -> str:
    """Names for when the rules are not at hand."""
    return key


@dataclass(frozen=True, slots=True)
class Style:
    """How to show: the city's zone, names for keys, whether callers' numbers are shown whole."""

    zone: ZoneInfo
    names: Names = keys_as_names
    whole_numbers: bool = False

    def time(self, at: datetime | None) -> str:
        """`2026-11-22 14:03:12 WIB`, `-` for no time."""
        if at is None:
            return say("calls.unknown")
        local = at.astimezone(self.zone)
        return f"{local:%Y-%m-%d %H:%M:%S} {ZONE_NAMES.get(self.zone.key, local.tzname() or '')}".rstrip()

    def name(self, what: str, key: str | None) -> str:
        """The name of a category, an area or a line; `-` for none."""
        return visible(self.names(what, key)) if key else say("calls.unknown")

    def lines(self, keys: str) -> str:
        """The names of lines joined by `&`."""
        return " + ".join(self.name("line", key) for key in keys.split("&"))

    def number(self, number: str) -> str:
        """The caller's number, masked unless whole numbers are wanted."""
        if not number:
            return say("calls.no_number")
        return visible(number if self.whole_numbers else masked(number))


def visible(text: str) -> str:
    r"""`text` with everything that does not print (control, escape, direction marks) as `\x1b`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def masked(number: str) -> str:
    """`0812****567`: enough to tell two callers apart, not enough to ring one."""
    return f"{number[:4]}****{number[-3:]}" if len(number) > 8 else f"****{number[-2:]}"


def table(calls: Sequence[CallRecord], style: Style) -> Iterator[str]:
    """One line for each call under a line of heads."""
    heads = ("time", "outcome", "wait", "number", "category", "area", "line", "call_id")
    rows = [tuple(say(f"calls.list_{head}") for head in heads)]
    rows += [tuple(_cell(text) for text in _columns(record, style)) for record in calls]
    widths = [max(len(row[n]) for row in rows) for n in range(len(heads))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def call(record: CallRecord, events: Iterable[Event], style: Style) -> Iterator[str]:
    """The whole story of one call, line by line."""
    yield say("calls.show_call", call_id=visible(record.call_id))
    yield from _head(record, style)
    if record.attempts:
        yield ""
        yield say("calls.show_attempts")
        for attempt in record.attempts:
            yield _attempt_line(record, attempt, style)
    yield ""
    yield say("calls.show_timeline")
    for event in events:
        yield say("calls.timeline_line", offset=_offset(record, event.at), text=sentence(event, style))


def follow_line(record: CallRecord, event: Event, style: Style) -> str:
    """An event as it happens, with its call."""
    return say(
        "calls.follow_line",
        at=style.time(event.at),
        call_id=visible(record.call_id),
        offset=_offset(record, event.at),
        text=sentence(event, style),
    )


def sentence(event: Event, style: Style) -> str:
    """What happened, in words."""
    values = dict.fromkeys(_FIELDS, "") | {name: _shown(event, name, style) for name in event.detail}
    if event.kind == Kind.RECORDING_CHECKED and not event.text("problem"):
        values["problem"] = say("calls.recording_good")
    try:
        return say(f"calls.event_{event.kind}", **values).rstrip()
    except KeyError:
        return say("calls.event_other", kind=visible(event.kind), text=values["text"])


def as_json(record: CallRecord, style: Style) -> dict[str, object]:
    """The record with plain values; times in UTC, ISO 8601."""
    values = {name: _plain(value) for name, value in dataclasses.asdict(record).items()}
    number = record.caller_number if style.whole_numbers else masked(record.caller_number)
    return values | {"outcome": record.outcome.value, "caller_number": number if record.caller_number else ""}


def event_as_json(event: Event, style: Style) -> dict[str, object]:
    """The event with plain values."""
    values = {name: _plain(value) for name, value in dataclasses.asdict(event).items()}
    detail = dict(event.detail)
    if detail.get("number") and not style.whole_numbers:
        detail["number"] = masked(event.text("number"))
    return values | {"detail": detail}


def json_line(values: object) -> str:
    """One line of ASCII: nothing in it can move the cursor."""
    return json.dumps(values, ensure_ascii=True)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _columns(record: CallRecord, style: Style) -> tuple[str, ...]:
    return (
        style.time(record.arrived_at),
        _word("outcome", record.outcome),
        _seconds_between(record.arrived_at, record.answered_at or record.ended_at),
        style.number(record.caller_number),
        style.name("category", record.category),
        style.name("area", record.area),
        style.name("line", record.answered_by),
        visible(record.call_id),
    )


def _cell(text: str, longest: int = 32) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _head(record: CallRecord, style: Style) -> Iterator[str]:
    if record.test:
        yield say("calls.show_test")
    yield say("calls.show_arrived", at=style.time(record.arrived_at))
    number, name = style.number(record.caller_number), visible(record.caller_name)
    yield say("calls.show_caller", number=number, name=name).rstrip()
    if record.dialled:
        yield say("calls.show_dialled", dialled=visible(record.dialled), endpoint=visible(record.endpoint))
    for what, key, how in (
        ("category", record.category, record.category_how),
        ("area", record.area, record.area_how),
    ):
        if key:
            yield say(f"calls.show_{what}", value=style.name(what, key), how=_word("how", how or ""))
    if record.possibly_silent:
        yield say("calls.show_silent")
    if record.plan:
        yield say("calls.show_plan", plan=visible(record.plan))
    if record.lifeline:
        yield say("calls.show_lifeline")
    yield from _ending(record, style)
    yield from _recording(record)


def _ending(record: CallRecord, style: Style) -> Iterator[str]:
    yield say(
        f"calls.show_outcome_{record.outcome}",
        stage=_word("stage", record.stage),
        line=style.name("line", record.answered_by),
        wait=_seconds_between(record.arrived_at, record.answered_at),
        ended=style.time(record.ended_at),
    )
    if record.hung_up_by and record.outcome != Outcome.OPEN:
        yield say("calls.show_hung_up", by=_word("by", record.hung_up_by))
    if record.ended_by_sweep:
        yield say("calls.show_swept")


def _recording(record: CallRecord) -> Iterator[str]:
    if not record.recording_path:
        return
    yield say("calls.show_recording", path=visible(record.recording_path))
    if record.recording_checked_at is None:
        yield say("calls.show_recording_unchecked")
        return
    unknown = say("calls.unknown")
    length = record.recording_seconds
    yield say(
        "calls.show_recording_bad" if record.recording_problem else "calls.show_recording_good",
        seconds=unknown if length is None else say("calls.seconds", seconds=_decimal(length)),
        bytes=unknown if record.recording_bytes is None else record.recording_bytes,
        sha256=visible(record.recording_sha256 or unknown),
        problem=_word("problem", record.recording_problem or ""),
    )


def _attempt_line(record: CallRecord, attempt: Attempt, style: Style) -> str:
    rung_until = attempt.picked_up_at or attempt.ended_at
    return say(
        "calls.show_attempt",
        offset=_offset(record, attempt.rang_at),
        line=style.name("line", attempt.line),
        result=_word("result", attempt.result),
        ringing=_seconds_between(attempt.rang_at, rung_until),
    )


def _seconds_between(start: datetime | None, end: datetime | None) -> str:
    if start is None or end is None:
        return say("calls.unknown")
    return say("calls.seconds", seconds=_decimal((end - start).total_seconds()))


def _offset(record: CallRecord, at: datetime) -> str:
    seconds = (at - (record.arrived_at or at)).total_seconds()
    return say("calls.offset", offset=f"{'-' if seconds < 0 else '+'}{_decimal(abs(seconds))}".rjust(8))


def _decimal(number: float) -> str:
    return f"{number:.1f}".replace(".", ",")


def _word(group: str, value: str) -> str:
    """A value of a known set in Indonesian, any other as it is."""
    try:
        return say(f"calls.{group}_{value}")
    except KeyError:
        return visible(value)


_FIELDS = (
    *("number", "name", "dialled", "channel", "endpoint", "cause", "by", "path", "step", "lines", "seconds"),
    *("line", "status", "agi_status", "plan", "dial_status", "queue_status", "question", "attempt", "keys"),
    *("what", "value", "how", "reason", "rules", "consequence", "bytes", "sha256", "problem", "text"),
    *("token", "result", "milliseconds"),
)


def _shown(event: Event, name: str, style: Style) -> str:
    text = event.text(name)
    if name == "number":
        return style.number(text)
    if name == "line":
        return style.name("line", text)
    if name == "lines":
        return style.lines(text)
    if name == "value" and event.kind == Kind.UNDERSTOOD:
        return style.name(event.text("what"), text)
    if name.endswith("status"):
        return _word("status", text or say("calls.unknown"))
    if isinstance(event.detail[name], float):
        return _decimal(float(text))
    group = {"question": "what"}.get(name, name)
    return _word(group, text) if text else ""
