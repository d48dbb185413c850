"""The times of a call's events when the clock was set back meanwhile: NTP corrects one that was hours ahead."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from ivr.calls.events import Event, Kind

_FIRST = frozenset({Kind.CHANNEL_STARTED, Kind.ARRIVED})
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
    after = {event.key for event in events if event.source in _OF_THE_CALL and event.at < began - SLACK}
    if not after:
        return list(events)
    before = [event.at for event in events if event.source in _OF_THE_CALL and event.key not in after]
    later = max([began, *before]) - min(event.at for event in events if event.key in after)
    return [replace(event, at=event.at + later) if event.key in after else event for event in events]
