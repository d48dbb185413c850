"""The times of a call's events when the clock was set back meanwhile: NTP corrects one that was hours ahead."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from ivr.calls.events import Event, Kind

_FIRST = frozenset({Kind.CHANNEL_STARTED, Kind.ARRIVED})
_ENDS = frozenset({Kind.HUNG_UP, Kind.CHANNEL_ENDED, Kind.CALL_CLOSED, Kind.ENDED})
_OF_THE_CALL = frozenset({"asterisk", "controller"})  # what others say of it is dated by its own times
SLACK = timedelta(seconds=1)


def on_one_clock(events: Collection[Event]) -> list[Event]:
    """The same events, none of them before the call began.

    What is dated earlier than the beginning came after the clock was set back. It keeps its distances and follows
    what was dated before: how long the call really stood between the two, nobody knows, and it counts as nothing.
    """
    began = min((event.at for event in events if event.kind in _FIRST), default=None)
    if began is None:
        return list(events)
    told = [event for event in events if event.source in _OF_THE_CALL]
    after = {event.key: event.at for event in told if event.at < began - SLACK}
    # It may have gone on past its beginning by the new clock: then which came before, and which after, is unknown.
    ends = {event.key for event in told if event.kind in _ENDS}
    went_on = bool(ends) and ends.isdisjoint(after)
    if not after or went_on:
        return list(events)
    last_before = max([began, *(event.at for event in told if event.key not in after)])
    later = last_before + timedelta(microseconds=1) - min(after.values())
    return [replace(event, at=event.at + later) if event.key in after else event for event in events]
