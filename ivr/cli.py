"""The command `ivr`. Help is English, what a city's people read is Indonesian. Exit 0: done, 1: no, 2: wrong use."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec, TypeVar

import typer

from ivr import __version__
from ivr.checks import LOOPBACK, CannotStart, check_machine, check_port, check_ports, only_one
from ivr.late import Rooms
from ivr.messages import say
from ivr.phones.events import PhoneError
from ivr.rules import Rules
from ivr.secrets import Secrets, SecretsBroken
from ivr.settings import Settings, SettingsError, load_settings, serving_settings
from ivr.usage import Commands

P = ParamSpec("P")
R = TypeVar("R")

rooms = Rooms()


class Ivr(Commands):
    """Every command; those of the rooms behind those that are made here."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = rooms.behind(self.commands)


app = typer.Typer(cls=Ivr, no_args_is_help=True, pretty_exceptions_enable=False, help="The call server for 112.")


def plainly(run: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run; what cannot be done is said in one sentence on stderr, exit code 1."""
    try:
        return run(*args, **kwargs)
    except (SettingsError, SecretsBroken, CannotStart, PhoneError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _settings() -> Settings:
    return plainly(load_settings)


def _serving_settings() -> Settings:
    """For the services: a slip in what callers do not need must not keep 112 from answering."""
    settings, wrong = plainly(serving_settings)
    for problem in wrong:
        typer.echo(say("settings.passed_over", problem=problem), err=True)
    return settings


def _rules(settings: Settings) -> Rules:
    from ivr.rulebook.lastgood import find_rules

    found = plainly(find_rules, settings)
    for sentence in found.trouble:
        typer.echo(sentence, err=True)
    return found.rules


@rooms.room("prompts")
def _prompts(to: typer.Typer) -> None:
    from ivr.prompts.catalogue import PromptSources
    from ivr.prompts.cli import commands
    from ivr.prompts.sources import prompt_sources

    def sources() -> PromptSources:
        settings = _settings()
        return prompt_sources(_rules(settings), settings.prompts)

    to.add_typer(commands(sources), name="prompts")


@rooms.room("calls")
def _calls(to: typer.Typer) -> None:
    from ivr.calls.cli import LogSources, commands
    from ivr.calls.names import names_in
    from ivr.calls.recover_cli import add_recover

    def sources() -> LogSources:
        settings = _settings()
        rules = _rules(settings)
        return LogSources(settings.database, rules.city.clock, names_in(rules))

    calls = commands(sources)
    add_recover(calls, lambda: _settings().database)
    to.add_typer(calls, name="calls")


@rooms.room("status")
def _status(to: typer.Typer) -> None:
    from ivr.health.alarms import read
    from ivr.rulebook.cli import status_command
    from ivr.rulebook.look import Standing

    def alarms(settings: Settings) -> tuple[Standing, ...]:
        return tuple(Standing(alarm.key, alarm.text, alarm.since) for alarm in read(settings.health))

    to.add_typer(status_command(_settings, alarms))


@rooms.room("doctor")
def _doctor(to: typer.Typer) -> None:
    from ivr.doctor.cli import doctor_command

    to.add_typer(doctor_command(load_settings))


@rooms.room("rules")
def _rules_in_files_and_in_force(to: typer.Typer) -> None:
    from ivr.rulebook.cli import rules_commands
    from ivr.rulebook.lastgood import kept_text
    from ivr.rules.cli import Decision, RulesSources, commands
    from ivr.rules.files_cli import add_commands

    def sources() -> RulesSources:
        settings = _settings()

        def of_past(call_id: str) -> Decision | None:
            from ivr.rulebook.decided import decided  # the record of calls: only who asks for a call pays for it

            return decided(settings, call_id)

        return RulesSources(settings.rules_file, settings.demo, of_past)

    rules = commands(sources)
    add_commands(rules, lambda: _settings().rules_file, lambda prefix: kept_text(_settings(), prefix))
    rules.add_typer(rules_commands(_settings))
    to.add_typer(rules, name="rules")


@rooms.room("backup")
def _backup(to: typer.Typer) -> None:
    from ivr.backup.cli import backup_commands

    to.add_typer(backup_commands(_settings), name="backup")


@rooms.room("restore")
def _restore(to: typer.Typer) -> None:
    from ivr.backup.restore_cli import restore_command

    to.add_typer(restore_command(_settings))


@rooms.room("heartbeat")
def _heartbeat(to: typer.Typer) -> None:
    from ivr.controller.script import CityScript
    from ivr.heartbeat.cli import command

    to.add_typer(command(_settings, _rules, CityScript))


@app.callback()
def every_command() -> None:
    os.umask(0o027)  # recordings and the record of calls are nobody else's business


@app.command()
def up() -> None:
    """Start Asterisk and the controller, and keep both running until Ctrl-C.

    Example: ivr up
    """
    from ivr.supervisor.prepare import prepare
    from ivr.supervisor.up import supervise
    from ivr.welcome import plain_console, welcome

    settings = _settings()
    console = plain_console()
    began = time.monotonic()

    def run() -> None:
        check_machine(settings)
        with only_one(settings), console.status("") as status:
            check_ports(settings)  # now, and not after minutes of making prompts
            prepared = prepare(settings, status.update)
            status.update(say("up.starting", version=prepared.program.version))

            def ready() -> None:
                status.stop()
                for warning in prepared.warnings:
                    console.print(say("up.warning", text=warning), style="yellow", soft_wrap=True)
                welcome(console, prepared.settings, prepared.rules, prepared.secrets, time.monotonic() - began)

            def stopping() -> None:
                status.stop()
                console.print(say("up.stopping"))

            asyncio.run(supervise(prepared, ready, stopping))
        console.print(say("up.stopped"))

    plainly(run)


@app.command()
def demo(
    keys: Annotated[str, typer.Option(help="Keys the citizen presses, one for each question.")] = "1,3",
    as_json: Annotated[bool, typer.Option("--json", help="Print the call's record as JSON instead.")] = False,
) -> None:
    """Make a real call on the running server: a citizen dials 112, an officer answers. Exit 1: nobody answered.

    Example: ivr demo --keys 1,3
    """
    from ivr.calls import show
    from ivr.calls.events import Event
    from ivr.calls.names import names_in
    from ivr.calls.projection import CallRecord
    from ivr.demo import Demo, outcome

    settings = _settings()
    rules = _rules(settings)
    pressed = [key.strip() for key in keys.split(",") if key.strip()]
    if not all(len(key) == 1 and key in "0123456789*#" for key in pressed):
        raise typer.BadParameter(say("demo.keys", given=keys))
    style = show.Style(rules.city.clock, names_in(rules), whole_numbers=True)

    def tell(record: CallRecord, event: Event) -> None:
        if not as_json:
            typer.echo(show.follow_line(record, event, style))

    if not as_json:
        typer.echo(say("demo.begins", keys=", ".join(pressed) or "-"))
    running = Demo(settings, rules, plainly(Secrets, settings.state / "secrets.json"), pressed)
    record = plainly(running.run, tell)
    if as_json:
        typer.echo(show.json_line(show.as_json(record, style)))
    else:
        for line in outcome(record, style, settings.recordings):
            typer.echo(line)
    raise typer.Exit(0 if record.answered_by else 1)


@app.command()
def controller() -> None:
    """Run only the controller (systemd starts it this way beside Asterisk).

    Example: ivr controller
    """
    from ivr.controller.service import serve

    settings = _serving_settings()
    _rules(settings)  # says what is wrong when there are none
    plainly(check_port, "IVR_AGI_PORT", LOOPBACK, settings.agi_port)
    plainly(serve, settings)


@app.command()
def asterisk() -> None:
    """Become Asterisk in the foreground (systemd starts it this way), on the configuration that is there.

    Nothing is prepared but on the very first start: wrong rules must not keep Asterisk from answering.

    Example: ivr asterisk
    """
    from ivr.asterisk.program import AsteriskMissing, find_asterisk, pid_file
    from ivr.checks import check_asterisk_ports
    from ivr.supervisor.prepare import prepare

    settings = _serving_settings()
    if not (settings.asterisk_etc / "asterisk.conf").exists():
        plainly(prepare, settings, lambda _: None)
    plainly(check_asterisk_ports, settings)
    try:
        command = find_asterisk(settings).command(settings, "-f")
    except AsteriskMissing as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    pid_file(settings).unlink(missing_ok=True)
    os.execvp(command[0], command)  # noqa: S606 no shell is wanted


@app.command()
def watch() -> None:
    """Watch over Asterisk: kill it when it is frozen (systemd starts this beside it; `ivr up` does it by itself).

    Eight seconds without an answer, at the manager's port and over SIP, count as frozen; its calls hear nothing then.

    Example: ivr watch
    """
    from ivr.supervisor.watch import watch_asterisk

    watch_asterisk(_serving_settings())


@app.command()
def accounts(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the SIP accounts with their passwords.

    Example: ivr accounts --json
    """
    from ivr import welcome

    settings = _settings()
    rules, secrets = _rules(settings), plainly(Secrets, settings.state / "secrets.json")
    if as_json:
        listed = [
            {"account": account, "password": secrets[account], "role": role}
            for account, role in welcome.accounts(settings, rules).items()
        ]
        typer.echo(json.dumps(listed, ensure_ascii=False))
        return
    welcome.plain_console().print(welcome.table_of_accounts(settings, rules, secrets))


@app.command()
def configure() -> None:
    """Write Asterisk's configuration folder from rules and settings, and say where it is.

    Example: ivr configure
    """
    from ivr.supervisor.prepare import prepare

    prepared = plainly(prepare, _serving_settings(), lambda _: None)
    for warning in prepared.warnings:
        typer.echo(say("up.warning", text=warning), err=True)
    typer.echo(str(prepared.settings.asterisk_etc))


@app.command("settings")
def show_settings(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every setting with the value in force. Exit 1: one is wrong (then values are left out).

    Example: ivr settings --json
    """
    from rich.table import Table

    from ivr.welcome import plain_console

    settings = None
    try:
        settings = load_settings()
    except SettingsError as error:
        typer.echo(str(error), err=True)  # and the list all the same: who looks for the right name must find it here
    values = {f"IVR_{name.upper()}": getattr(settings, name, "") for name in Settings.model_fields}
    if as_json and settings:
        typer.echo(json.dumps(values, default=str))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("Setting", "Value" if settings else "", "Meaning"):
        table.add_column(column, overflow="fold")
    for name, field in Settings.model_fields.items():
        table.add_row(f"IVR_{name.upper()}", str(values[f"IVR_{name.upper()}"]), field.description)
    plain_console().print(table)
    raise typer.Exit(0 if settings else 1)


@app.command()
def version() -> None:
    """Print the version.

    Example: ivr version
    """
    typer.echo(__version__)
