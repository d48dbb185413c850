"""The command `ivr`. Help is English, what a city's people read is Indonesian. Exit 0: done, 1: no, 2: wrong use."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated, ParamSpec, TextIO, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from ivr import __version__
from ivr.asterisk.accounts import DEMO_CITIZEN, account_names
from ivr.backup.cli import backup_commands
from ivr.backup.restore_cli import restore_command
from ivr.calls import show
from ivr.calls.cli import LogSources
from ivr.calls.cli import commands as call_commands
from ivr.calls.events import Event
from ivr.calls.projection import CallRecord
from ivr.calls.show import Names, Style
from ivr.checks import LOOPBACK, CannotStart, check_machine, check_port, check_ports, only_one
from ivr.controller.script import CityScript
from ivr.doctor.cli import doctor_command
from ivr.health.alarms import read as standing_alarms
from ivr.heartbeat.cli import command as heartbeat_command
from ivr.messages import say
from ivr.phones.events import PhoneError
from ivr.prompts.catalogue import PromptSources
from ivr.prompts.cli import commands as prompt_commands
from ivr.prompts.sources import prompt_sources
from ivr.rulebook.cli import rules_commands, status_command
from ivr.rulebook.decided import decided
from ivr.rulebook.lastgood import kept_text
from ivr.rulebook.look import Standing
from ivr.rules import Rules
from ivr.rules.cli import RulesSources
from ivr.rules.cli import commands as file_commands
from ivr.rules.files_cli import add_commands
from ivr.secrets import Secrets, SecretsBroken
from ivr.settings import Settings, SettingsError, load_settings, serving_settings

P = ParamSpec("P")
R = TypeVar("R")

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="The call server for 112.")


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
    from ivr.supervisor.prepare import find_rules

    found = plainly(find_rules, settings)
    for sentence in found.trouble:
        typer.echo(sentence, err=True)
    return found.rules


def _prompt_sources() -> PromptSources:
    settings = _settings()
    return prompt_sources(_rules(settings), settings.prompts)


def _log_sources() -> LogSources:
    settings = _settings()
    rules = _rules(settings)
    return LogSources(settings.database, rules.city.clock, _names(rules))


def _names(rules: Rules) -> Names:
    def name(what: str, key: str) -> str:
        if what == "area":
            return rules.area_name(key)
        known = {line.id: line.name or line.id for line in (*rules.lines, *rules.operator_lines)}
        if what == "category":
            known = {category.id: category.name for category in rules.categories}
        return known.get(key, key)

    return name


def _alarms(settings: Settings) -> tuple[Standing, ...]:
    return tuple(Standing(alarm.key, alarm.text, alarm.since) for alarm in standing_alarms(settings.health))


def _rules_app() -> typer.Typer:
    def sources() -> RulesSources:
        settings = _settings()
        return RulesSources(settings.rules_file, settings.demo, partial(decided, settings))

    def kept(prefix: str | None) -> str | None:
        return kept_text(_settings(), prefix)

    rules = file_commands(sources)
    add_commands(rules, lambda: _settings().rules_file, kept)
    rules.add_typer(rules_commands(_settings))
    return rules


app.add_typer(prompt_commands(_prompt_sources), name="prompts")
app.add_typer(call_commands(_log_sources), name="calls")
app.add_typer(status_command(_settings, _alarms))
app.add_typer(doctor_command(load_settings))
app.add_typer(_rules_app(), name="rules")
app.add_typer(backup_commands(_settings), name="backup")
app.add_typer(restore_command(_settings))
app.add_typer(heartbeat_command(_settings, _rules, CityScript))


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


def plain_console(file: TextIO | None = None) -> Console:
    """Names and paths are shown as they are written, brackets and all."""
    return Console(file=file, markup=False, emoji=False)


def _accounts(settings: Settings, rules: Rules) -> dict[str, str]:
    """Every account with what it is for, the citizen's first."""
    operators = set(rules.operators.accounts)
    roles = {}
    for account, name in account_names(rules, settings).items():
        roles[account] = say("up.role_operator") if account in operators else say("up.role_agency", name=name)
    if DEMO_CITIZEN in roles:
        roles = {DEMO_CITIZEN: say("up.role_citizen")} | {k: v for k, v in roles.items() if k != DEMO_CITIZEN}
    return roles


def _table_of_accounts(settings: Settings, rules: Rules, secrets: Secrets) -> Table:
    table = Table(title=say("up.accounts"), title_justify="left", box=None, pad_edge=False)
    for column in ("account", "password", "role"):
        table.add_column(say(f"up.{column}"))
    for account, role in _accounts(settings, rules).items():
        table.add_row(account, secrets[account], role)
    return table


def welcome(console: Console, settings: Settings, rules: Rules, secrets: Secrets, seconds: float) -> None:
    """Say what to dial, with which accounts, and where everything is."""
    console.print(say("up.ready", city=rules.city.name, seconds=round(seconds, 1)), style="bold green")
    where = say("up.any_address") if settings.sip_address.is_unspecified else settings.sip_address
    console.print(say("up.dial", address=where, port=settings.sip_port))
    console.print(_table_of_accounts(settings, rules, secrets))
    places = {"database": settings.database, "recordings": settings.recordings, "log": settings.state / "log"}
    for name, path in places.items():
        console.print(say(f"up.where_{name}", path=path), soft_wrap=True)
    console.print(say("up.stop"))


@app.command()
def demo(
    keys: Annotated[str, typer.Option(help="Keys the citizen presses, one for each question.")] = "1,3",
    as_json: Annotated[bool, typer.Option("--json", help="Print the call's record as JSON instead.")] = False,
) -> None:
    """Make a real call on the running server: a citizen dials 112, an officer answers. Exit 1: nobody answered.

    Example: ivr demo --keys 1,3
    """
    from ivr.demo import Demo

    settings = _settings()
    rules = _rules(settings)
    pressed = [key.strip() for key in keys.split(",") if key.strip()]
    if not all(len(key) == 1 and key in "0123456789*#" for key in pressed):
        raise typer.BadParameter(say("demo.keys", given=keys))
    style = Style(rules.city.clock, _names(rules), whole_numbers=True)

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
        _demo_result(settings, record, style)
    raise typer.Exit(0 if record.answered_by else 1)


def _demo_result(settings: Settings, record: CallRecord, style: Style) -> None:
    if record.answered_by and record.answered_at and record.arrived_at:
        wait = round((record.answered_at - record.arrived_at).total_seconds(), 1)
        typer.echo(say("demo.answered", line=style.name("line", record.answered_by), wait=wait))
    else:
        typer.echo(say("demo.unanswered"))
    if record.recording_path:
        path = settings.recordings / record.recording_path
        typer.echo(say("demo.recording", path=path, seconds=record.recording_seconds))


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
    settings = _settings()
    rules, secrets = _rules(settings), plainly(Secrets, settings.state / "secrets.json")
    if as_json:
        listed = [
            {"account": account, "password": secrets[account], "role": role}
            for account, role in _accounts(settings, rules).items()
        ]
        typer.echo(json.dumps(listed, ensure_ascii=False))
        return
    Console(markup=False, emoji=False).print(_table_of_accounts(settings, rules, secrets))


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
