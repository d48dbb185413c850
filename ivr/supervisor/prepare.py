"""Everything that happens before a process is started."""

import asyncio
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ivr.asterisk.accounts import carrier_hosts, is_network
from ivr.asterisk.configure import write_configuration
from ivr.asterisk.generation import generation
from ivr.asterisk.program import AsteriskMissing, Program, find_asterisk
from ivr.calls.database import Database, LogNewer, LogUnavailable, Unstorable
from ivr.checks import CannotStart, check_machine, files_fail
from ivr.controller.script import seconds_of_questions
from ivr.dialogue.conversation import LEAST_WAIT
from ivr.messages import say
from ivr.prompts.build import build
from ivr.prompts.catalogue import PromptError
from ivr.prompts.shelf import ClipShelf
from ivr.prompts.sources import prompt_sources
from ivr.rulebook.lastgood import (
    InForce,
    earlier_rules,
    entry_of,
    find_rules,
    history_of,
    instead,
    last_good,
)
from ivr.rules import Rules
from ivr.secrets import Secrets, SecretsBroken
from ivr.settings import Settings

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a start needs to know. `warnings` (Indonesian) do not keep the server from starting."""

    settings: Settings
    rules: Rules
    program: Program
    secrets: Secrets
    warnings: tuple[str, ...] = ()


def prepare(settings: Settings, progress: Progress) -> Prepared:
    """Check the machine, make prompts, database, secrets and Asterisk's configuration. Raises CannotStart."""
    check_machine(settings)
    found = find_rules(settings)
    try:
        program = find_asterisk(settings)
        found = _make_prompts(settings, found, progress)
        progress(say("up.preparing"))
        rules, secrets = found.rules, Secrets(settings.state / "secrets.json")
        write_configuration(rules, settings, secrets, _earlier(settings, found))
        history = history_of(settings)
        history.keep(found.content)
        history.accept(entry_of(found, generation(rules, settings)))
    except (AsteriskMissing, PromptError, SecretsBroken) as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        raise files_fail(settings, error) from error
    warnings = list(found.trouble)
    warnings += [say("up.rules_warning", path=settings.rules_file, problem=problem) for problem in rules.warnings]
    warnings += _trunk_trouble(rules, settings)
    warnings += _budget_trouble(rules, settings)
    if rules.placeholder_lines:
        warnings.append(say("up.placeholders", lines=", ".join(rules.placeholder_lines)))
    return Prepared(settings, rules, program, secrets, (*warnings, *_log_trouble(settings.database)))


def _make_prompts(settings: Settings, found: InForce, progress: Progress) -> InForce:
    """Rules whose names cannot be spoken give way to the last good ones. Raises PromptError."""

    def make(rules: Rules) -> None:
        build(
            prompt_sources(rules, settings.prompts),
            lambda done, total, _: progress(say("up.prompts", done=done, total=total)),
            prune=not _earlier(settings, found),  # calls in progress under a controller that stays may need them
        )

    try:
        make(found.rules)
    except PromptError as error:
        good = last_good(settings)
        if good is None or good.digest == found.digest:
            raise
        make(good.rules)
        return instead(settings, good, [str(error)])
    return found


def _earlier(settings: Settings, found: InForce) -> list[Rules]:
    return [rules for _, rules in earlier_rules(settings, found.digest, datetime.now(UTC))]


def _budget_trouble(rules: Rules, settings: Settings) -> list[str]:
    """Who listens to the end of every prompt must still be asked the last question."""
    shelf = ClipShelf(settings.built_prompts, settings.state / "sentences")
    needed, budget = seconds_of_questions(rules, shelf.seconds) + LEAST_WAIT, rules.policies.budget_seconds
    return [say("up.budget", needed=math.ceil(needed), budget=budget)] if needed > budget else []


def _trunk_trouble(rules: Rules, settings: Settings) -> list[str]:
    """Telephone numbers need a trunk to reach them (SIP addresses do not), and a trunk its carrier's addresses."""
    if settings.trunk_file is not None:
        text = settings.trunk_file.read_text(encoding="utf-8", errors="replace")
        known = re.search(r"^\s*(type\s*=\s*identify|line\s*=\s*yes)\b", text, re.MULTILINE)  # line: by registration
        trouble = [] if known else [say("up.no_identify", path=settings.trunk_file)]
        names = [host for host in carrier_hosts(text) if not is_network(host)] if settings.sip_networks else []
        return trouble + [say("up.carrier_by_name", host=host) for host in names]
    rung = [line for line in rules.lines if line.id in rules.rung_lines]
    numbers = [line.id for line in rung if line.phone and not line.phone.startswith(("sip:", "sips:"))]
    return [say("up.no_trunk", lines=", ".join(numbers))] if numbers else []


def _log_trouble(database: Path) -> list[str]:
    """Make the database or bring it to this version. It may be away: no call needs it to be answered."""
    first = _no_log(database)
    if first is None:
        return []
    if isinstance(first, LogNewer):
        return [say("up.newer_log", path=database)]
    if _no_log(database) is None:  # it was none, is kept beside, and a new one is there
        return [say("up.broken_log", path=database)]
    return [say("up.no_log", path=database, reason=str(first).splitlines()[0])]


def _no_log(database: Path) -> LogUnavailable | Unstorable | None:
    try:
        asyncio.run(_open_log(Database(database)))
    except (LogUnavailable, Unstorable) as error:
        return error
    return None


async def _open_log(database: Database) -> None:
    try:
        async with database.reading():
            return
    finally:
        await database.close()
