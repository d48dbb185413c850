"""Everything that happens before a process is started."""

from collections.abc import Callable
from dataclasses import dataclass

from ivr.asterisk.configure import write_configuration
from ivr.asterisk.program import AsteriskMissing, Program, find_asterisk
from ivr.calls.migrations import upgrade
from ivr.messages import say
from ivr.prompts.build import build
from ivr.prompts.catalogue import PromptError
from ivr.prompts.sources import prompt_sources
from ivr.rules import Rules, RulesError, load_rules
from ivr.secrets import Secrets
from ivr.settings import Settings
from ivr.supervisor.checks import CannotStart, check_machine

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a start needs to know."""

    settings: Settings
    rules: Rules
    program: Program
    secrets: Secrets


def read_rules(settings: Settings) -> Rules:
    """The city's rules; raises CannotStart with every problem of the file."""
    try:
        return load_rules(settings.rules_file)
    except RulesError as error:
        raise CannotStart("\n".join([say("up.rules", path=settings.rules_file), str(error)])) from error
    except OSError as error:
        raise CannotStart(say("up.rules_unread", path=settings.rules_file, reason=error.strerror)) from error


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
        upgrade(settings.database)
        secrets = Secrets(settings.state / "secrets.json")
        write_configuration(rules, settings, secrets)
    except (AsteriskMissing, PromptError) as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise CannotStart(say("up.trunk_unread", reason=reason, state=settings.state)) from error
    return Prepared(settings, rules, program, secrets)
