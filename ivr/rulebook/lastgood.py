"""Which rules a start uses: those of the file if they are good, else the last good ones."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from ivr.checks import CannotStart
from ivr.messages import say
from ivr.rulebook.history import SHORT, Entry, History, How, NotKept
from ivr.rulebook.saved import judged, read
from ivr.rules import Rules, RulesError
from ivr.settings import Settings

log = logging.getLogger(__name__)

EARLIER_FOR = timedelta(hours=2)  # no call lasts longer: Asterisk and the prompts keep what it began with
EARLIER_MOST = 20


@dataclass(frozen=True, slots=True)
class InForce:
    """Rules that a start uses, with the text they were read from and who saved it.

    `since` (UTC): when they were accepted, None for rules fresh from the file. `trouble` (Indonesian): why they are
    not the file's.
    """

    rules: Rules
    digest: str
    who: str
    content: bytes
    since: datetime | None = None
    trouble: tuple[str, ...] = ()


def history_of(settings: Settings) -> History:
    """The accepted rules of an installation."""
    return History(settings.state / "rules")


def rules_in_force(settings: Settings) -> InForce:
    """The file's rules, or the newest accepted ones with `trouble`. Raises RulesError when there are neither."""
    try:
        saved = read(settings.rules_file)
        rules = judged(saved.content, demo=settings.demo)
    except RulesError as error:
        found = last_good(settings)
        if found is None:
            raise
        return instead(settings, found, map(str, error.problems))
    return InForce(rules, saved.digest, saved.owner, saved.content)


def find_rules(settings: Settings) -> InForce:
    """The city's rules: the file's, or the last good ones. Raises CannotStart with every problem of the file."""
    try:
        return rules_in_force(settings)
    except RulesError as error:
        raise CannotStart("\n".join([say("up.rules", path=settings.rules_file), str(error)])) from error


def last_good(settings: Settings) -> InForce | None:
    """The newest accepted rules that can still be read and used; None when there are none."""
    return next(_accepted(settings, reversed(_entries(history_of(settings)))), None)


def instead(settings: Settings, found: InForce, problems: Iterable[str]) -> InForce:
    """Rules that are used instead of the file's, with the sentences that say so and why."""
    since = local(found.since, found.rules) if found.since else "?"
    path, short = settings.rules_file, found.digest[:SHORT]
    sentence = say("rulebook.last_good", path=path, hash=short, since=since, who=found.who)
    return replace(found, trouble=(sentence, *problems))


def kept_text(settings: Settings, prefix: str | None) -> str | None:
    """The text of the rules in force (None), or of the accepted ones whose hash begins so; None: there are none."""
    history = history_of(settings)
    try:
        latest = history.latest()
        wanted = prefix if prefix is not None else latest.digest if latest else ""
        return history.text(wanted).decode("utf-8-sig")
    except (NotKept, OSError, UnicodeDecodeError):
        return None


def left_by_the_last_run(settings: Settings) -> InForce:
    """What a controller starts with: the rules accepted last, for Asterisk has those; else as `rules_in_force`.

    The file itself is then taken as if it had been saved just now. Raises RulesError.
    """
    newest = next(_accepted(settings, _entries(history_of(settings))[-1:]), None)
    return newest or rules_in_force(settings)


def earlier_rules(settings: Settings, digest: str, now: datetime) -> list[tuple[datetime, Rules]]:
    """The rules that calls in progress may have begun with, other than those of `digest`, newest first.

    With each the instant (UTC) at which it went out of force.
    """
    history = history_of(settings)
    try:
        entries = history.in_force_since(now - EARLIER_FOR)
    except OSError as error:
        log.error("the history of the rules cannot be read: %s", error)
        return []
    ends = {old.digest: new.at for old, new in pairwise(entries)}
    kept = {entry.digest: entry for entry in entries if entry.digest != digest}
    newest = list(kept.values())[: -EARLIER_MOST - 1 : -1]
    return [(ends.get(found.digest, now), found.rules) for found in _accepted(settings, newest)]


def entry_of(found: InForce, generation: str) -> Entry:
    """The line of the history for rules that a start puts into force."""
    return Entry(found.digest, datetime.now(UTC), found.who, generation, How.START)


def _entries(history: History) -> list[Entry]:
    try:
        return history.entries()
    except OSError as error:
        log.error("the history of the rules cannot be read: %s", error)
        return []


def _accepted(settings: Settings, entries: Iterable[Entry]) -> Iterator[InForce]:
    """The rules of these entries; those that cannot be used any more are passed over and said."""
    history = history_of(settings)
    for entry in entries:
        try:
            content = history.text(entry.digest)
            rules = judged(content, demo=settings.demo)
        except (NotKept, OSError) as error:
            log.error("the rules %s accepted at %s are not kept any more: %s", entry.short, entry.at, error)
        except RulesError as error:
            log.error("the rules %s accepted at %s cannot be used any more: %s", entry.short, entry.at, error)
        else:
            yield InForce(rules, entry.digest, entry.who, content, entry.at)


def local(moment: datetime, rules: Rules) -> str:
    """A time (UTC) as the city's people read it."""
    return f"{moment.astimezone(rules.city.clock):%d-%m-%Y %H:%M:%S %Z}"
