"""Puts a saved file into force: for Asterisk, for the prompts and for every call from then on, or not at all.

Parse and validate, make the prompts, write Asterisk's files, have Asterisk take them, swap, write it down: in this
order, one file at a time. Whatever fails on the way, the edition that was in force stays, everywhere.
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NoReturn

from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import ManagerError, ManagerRefused
from ivr.asterisk.configure import write_generated
from ivr.asterisk.generation import generation
from ivr.asterisk.reload import NotTaken, take
from ivr.messages import say
from ivr.prompts.build import build
from ivr.prompts.catalogue import PromptError
from ivr.prompts.shelf import ClipShelf
from ivr.prompts.sources import prompt_sources
from ivr.rulebook.edition import Edition
from ivr.rulebook.history import Entry, How
from ivr.rulebook.lastgood import EARLIER_FOR, EARLIER_MOST, InForce, earlier_rules, entry_of, history_of
from ivr.rulebook.saved import Saved, judged, read
from ivr.rulebook.status import Attempt, Result, Status, write
from ivr.rules import Rules, RulesError
from ivr.secrets import Secrets, SecretsBroken
from ivr.settings import Settings

log = logging.getLogger(__name__)

AGAIN = 5.0  # seconds until Asterisk is asked again


@dataclass(frozen=True, slots=True)
class Request:
    """Why the file is to be looked at. `who` is whoever asked for it, "" for the file's owner."""

    how: How
    who: str = ""


class Force:
    """Owns the edition in force. Any thread may read `edition`: it changes in one assignment, whole."""

    def __init__(self, settings: Settings, manager: AsteriskManager, start: InForce) -> None:
        """`start` is in Asterisk's files already, or will be in an Asterisk that is not there yet."""
        self._settings, self._manager = settings, manager
        self._history = history_of(settings)
        self._earlier = earlier_rules(settings, start.digest, datetime.now(UTC))
        self._wake = asyncio.Event()
        self._request: Request | None = None  # a file to be looked at
        self._pending: Request | None = None  # a good one that Asterisk could not take yet
        self._asterisk_has_it: bool | None = None  # None: it is to be asked
        self._trouble = ""  # with Asterisk, that is in the log already
        self.edition = self._edition(start.rules, start.digest)
        entry = self._written_down(entry_of(start, self.edition.generation), start.content)
        self._status = Status(replace(entry, generation=self.edition.generation))

    # -- what others tell us; all on the event loop

    def look(self, request: Request) -> None:
        """The file is to be looked at; a request by somebody is not forgotten over a later saving."""
        if self._request is None or self._request.how is not How.RELOAD:
            self._request = request
        self._wake.set()

    def asterisk_is_back(self) -> None:
        """A new connection: it may be another Asterisk, and a file may have waited for it."""
        if self._asterisk_has_it:
            self._asterisk_has_it = None
        self._wake.set()

    async def run(self) -> NoReturn:
        """Does what is asked, one thing after the other."""
        await self._say(self._status)
        while True:
            waiting = self._manager.connected and (self._pending or not self._asterisk_has_it)
            try:
                async with asyncio.timeout(AGAIN if waiting else None):
                    await self._wake.wait()
            except TimeoutError:
                log.debug("asking Asterisk again")
            self._wake.clear()
            if not self._asterisk_has_it and self._manager.connected:
                await self._assure()
            request, self._request = self._request or self._pending, None
            if request:
                await self._consider(request)

    # -- one file

    async def _consider(self, request: Request) -> None:
        attempt = Attempt(datetime.now(UTC), "", Result.REFUSED, request.how, request.who)
        self._pending = None
        try:
            saved = await asyncio.to_thread(read, self._settings.rules_file)
            attempt = replace(attempt, digest=saved.digest, who=request.who or saved.owner)
            if saved.digest == self.edition.digest:
                return await self._unchanged(attempt)
            rules = await asyncio.to_thread(judged, saved.content, demo=self._settings.demo)
            if not self._manager.connected:
                return await self._wait_for_asterisk(request, attempt, say("rulebook.asterisk_away"))
            await self._put_into_force(saved, rules, attempt)
        except RulesError as error:
            await self._refuse(attempt, tuple(map(str, error.problems)))
        except (NotTaken, ManagerRefused) as error:
            await self._refuse(attempt, (say("rulebook.not_taken", reason=error),))
        except ManagerError as error:
            await self._wait_for_asterisk(request, attempt, say("rulebook.asterisk_silent", reason=error))
        except (PromptError, SecretsBroken) as error:
            await self._refuse(attempt, (str(error),))
        except OSError as error:
            await self._refuse(attempt, (say("rulebook.files", reason=error),))
        except Exception as error:
            log.exception("the rules file could not be put into force; the old rules stay")
            await self._refuse(attempt, (repr(error),))

    async def _unchanged(self, attempt: Attempt) -> None:
        """Said when somebody asked, and when an earlier attempt had failed: the file is in order again."""
        last = self._status.attempt
        if attempt.how is How.RELOAD or (last and last.result in {Result.REFUSED, Result.PENDING}):
            log.info("the rules file holds the rules in force")
            await self._say(replace(self._status, attempt=replace(attempt, result=Result.UNCHANGED)))

    async def _wait_for_asterisk(self, request: Request, attempt: Attempt, why: str) -> None:
        self._pending = request
        last, attempt = self._status.attempt, replace(attempt, result=Result.PENDING, problems=(why,))
        if last is None or (last.digest, last.result) != (attempt.digest, attempt.result):
            log.warning("new rules %s wait for Asterisk, the old ones stay in force: %s", attempt.digest[:12], why)
        await self._say(replace(self._status, attempt=attempt))

    async def _refuse(self, attempt: Attempt, problems: tuple[str, ...]) -> None:
        last, attempt = self._status.attempt, replace(attempt, problems=problems)
        known = last and (last.digest, last.result, last.problems) == (attempt.digest, Result.REFUSED, problems)
        if known and attempt.how is not How.RELOAD:
            return
        path, old = self._settings.rules_file, self.edition.digest[:12]
        log.error("%s is refused, the rules %s stay in force:\n%s", path, old, "\n".join(problems))
        await self._say(replace(self._status, attempt=attempt))

    async def _put_into_force(self, saved: Saved, rules: Rules, attempt: Attempt) -> None:
        try:
            new = await asyncio.to_thread(self._prepare, saved, rules)
            await take(self._manager, new.generation)
        except Exception:
            await self._put_back()
            raise
        old, now = self.edition, datetime.now(UTC)
        self.edition = new
        self._asterisk_has_it = True
        self._earlier = [(now, old.rules), *self._earlier][:EARLIER_MOST]
        entry = Entry(new.digest, now, attempt.who, new.generation, attempt.how)
        entry = await asyncio.to_thread(self._written_down, entry, saved.content)
        for warning in rules.warnings:
            log.warning("%s: %s", self._settings.rules_file, warning)
        log.info("rules %s (generation %s) are in force, by %s", entry.short, new.generation, entry.who)
        await self._say(Status(entry, replace(attempt, result=Result.ACCEPTED)))

    def _prepare(self, saved: Saved, rules: Rules) -> Edition:
        """Everything before Asterisk is asked. It takes seconds where prompts are to be spoken."""
        self._history.keep(saved.content)
        build(prompt_sources(rules, self._settings.prompts), prune=False)
        earlier = [self.edition.rules, *self._earlier_rules()]
        write_generated(rules, self._settings, self._passwords(), earlier[:EARLIER_MOST])
        return self._edition(rules, saved.digest)

    def _edition(self, rules: Rules, digest: str) -> Edition:
        settings = self._settings
        shelf = ClipShelf(settings.built_prompts, settings.state / "sentences")
        return Edition(rules, digest, generation(rules, settings), shelf)

    def _earlier_rules(self) -> list[Rules]:
        since = datetime.now(UTC) - EARLIER_FOR
        return [rules for ended, rules in self._earlier if ended >= since]

    def _written_down(self, entry: Entry, content: bytes = b"") -> Entry:
        try:
            if content:
                self._history.keep(content)
            return self._history.accept(entry)
        except OSError as error:
            log.error("the history of the rules cannot be written (%s): a start with a broken file needs it", error)
            return entry

    def _passwords(self) -> Secrets:
        """As they are on disk now: `ivr configure` may have made some for accounts that are new."""
        return Secrets(self._settings.state / "secrets.json")

    # -- the way back

    async def _put_back(self) -> None:
        """The edition in force, in the files again: an Asterisk that starts now must not read half of another one.

        Nor must a controller: `ivr configure` may have written the file down as accepted.
        """
        self._asterisk_has_it = False
        in_force = replace(self._status.in_force, at=datetime.now(UTC))
        await asyncio.to_thread(self._written_down, in_force)
        await self._assure()

    async def _assure(self) -> None:
        """Have Asterisk and its files hold the edition in force; tried again every few seconds until they do."""
        trouble = ""
        try:
            if self._asterisk_has_it is False or not await self._asterisk_says_so():
                self.edition = await asyncio.to_thread(self._write_edition)
                await take(self._manager, self.edition.generation)
            self._asterisk_has_it = True
        except (ManagerError, NotTaken, OSError, PromptError, SecretsBroken) as error:
            trouble = str(error)
            if trouble != self._trouble:
                log.error("Asterisk does not hold the rules in force (%s); tried every %g s", error, AGAIN)
        self._trouble = trouble

    async def _asterisk_says_so(self) -> bool:
        """An Asterisk that started on our files holds all of them: no reload is needed."""
        answer = await self._manager.action("Getvar", Variable="GENERATION")
        return answer.messages[0].get("Value") == self.edition.generation

    def _write_edition(self) -> Edition:
        """The same edition, with the prompts as they are now."""
        rules = self.edition.rules
        write_generated(rules, self._settings, self._passwords(), self._earlier_rules())
        build(prompt_sources(rules, self._settings.prompts), prune=False)  # may fail: then the old files are there
        return self._edition(rules, self.edition.digest)

    async def _say(self, status: Status) -> None:
        self._status = status
        try:
            await asyncio.to_thread(write, self._history.folder, status)
        except OSError as error:
            log.error("the status of the rules cannot be written, `ivr status` shows an older one: %s", error)
