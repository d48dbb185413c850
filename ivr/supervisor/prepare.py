"""Everything that happens before a process is started."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ivr.asterisk.configure import write_configuration
from ivr.asterisk.program import AsteriskMissing, Program, find_asterisk
from ivr.calls.database import Database, LogUnavailable, Unstorable
from ivr.messages import say
from ivr.prompts.build import build
from ivr.prompts.catalogue import PromptError
from ivr.prompts.sources import prompt_sources
from ivr.rules import Rules, RulesError, load_rules
from ivr.secrets import Secrets, SecretsBroken
from ivr.settings import Settings
from ivr.supervisor.checks import CannotStart, check_machine, files_fail

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a start needs to know. `warnings` (Indonesian) do not keep the server from starting."""

    settings: Settings
    rules: Rules
    program: Program
    secrets: Secrets
    warnings: tuple[str, ...] = ()


def read_rules(settings: Settings) -> Rules:
    """The city's rules; raises CannotStart with every problem of the file."""
    try:
        return load_rules(settings.rules_file)
    except RulesError as error:
        raise CannotStart("\n".join([say("up.rules", path=settings.rules_file), str(error)])) from error


def prepare(settings: Settings, progress: Progress) -> Prepared:
    """Check the machine, make prompts, database, secrets and Asterisk's configuration. Raises CannotStart."""
    check_machine(settings)
    rules = read_rules(settings)
    try:
        program = find_asterisk(settings)
        build(
            prompt_sources(rules, settings.prompts),
            lambda done, total, _: progress(say("up.prompts", done=done, total=total)),
        )
        progress(say("up.preparing"))
        secrets = Secrets(settings.state / "secrets.json")
        write_configuration(rules, settings, secrets)
    except (AsteriskMissing, PromptError, SecretsBroken) as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        raise files_fail(settings, error) from error
    warnings = [say("up.rules_warning", path=settings.rules_file, problem=problem) for problem in rules.warnings]
    warnings += _trunk_trouble(rules, settings)
    return Prepared(settings, rules, program, secrets, (*warnings, *_log_trouble(settings.database)))


def _trunk_trouble(rules: Rules, settings: Settings) -> list[str]:
    """Lines that are telephone numbers need a trunk to reach them."""
    numbers = [line.id for line in rules.lines if line.phone]
    return [say("up.no_trunk", lines=", ".join(numbers))] if numbers and settings.trunk_file is None else []


def _log_trouble(database: Path) -> list[str]:
    """Make the database or bring it to this version. It may be away: no call needs it to be answered."""
    try:
        asyncio.run(_open_log(Database(database)))
    except (LogUnavailable, Unstorable) as error:
        return [say("up.no_log", path=database, reason=str(error).splitlines()[0])]
    return []


async def _open_log(database: Database) -> None:
    try:
        async with database.reading():
            return
    finally:
        await database.close()
