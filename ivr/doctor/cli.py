"""`ivr doctor`: checks an installation and says what to do."""

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from ivr.doctor.checks import BY_ID, CHECKS
from ivr.doctor.context import gather
from ivr.doctor.model import Finding, Level, exit_code
from ivr.doctor.run import examine
from ivr.doctor.show import show, show_checks
from ivr.messages import say
from ivr.settings import Settings, SettingsError
from ivr.usage import USAGE_ERROR

WRONG_USE = 3

HELP = """Check this installation and say what to do. Changes nothing; works while the server is down, too.

Examples:

  ivr doctor

  ivr doctor --only trunk --only operators

  ivr doctor --json

Run it as the user of the services. --json prints a list of {check, level, text, remedy}; levels: ok, note, warning,
error. Exit codes, as monitoring plug-ins have them: 0 nothing to do (ok, notes), 1 warnings, 2 errors, 3 wrong use.
"""


class _Plugin(TyperCommand):
    """Wrong use ends with 3 (UNKNOWN to Nagios): 2 would be a critical alarm."""

    def make_context(self, *arguments: Any, **extra: Any) -> Any:
        try:
            return super().make_context(*arguments, **extra)
        except USAGE_ERROR as wrong:
            vars(wrong)["exit_code"] = WRONG_USE
            raise


def doctor_command(settings: Callable[[], Settings]) -> typer.Typer:
    """`doctor`, to be added to the commands of `ivr` itself; a SettingsError of `settings` is a finding."""
    app = typer.Typer()

    @app.command("doctor", help=HELP, cls=_Plugin)
    def doctor(
        only: Annotated[list[str] | None, typer.Option(help="Only this check; may be repeated.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
        list_checks: Annotated[bool, typer.Option("--list", help="List the checks and end.")] = False,
    ) -> None:
        console = Console(markup=False, emoji=False, highlight=False)
        if list_checks:
            show_checks(console)
            return
        if unknown := sorted(set(only or ()) - BY_ID.keys()):
            known = ", ".join(check.id for check in CHECKS)
            typer.echo(say("doctor.unknown_check", names=", ".join(unknown), known=known), err=True)
            raise typer.Exit(WRONG_USE)
        findings = _findings(settings, only or ())
        if as_json:
            typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
        else:
            show(console, findings)
        raise typer.Exit(exit_code(findings))

    return app


def _findings(settings: Callable[[], Settings], only: Iterable[str]) -> list[Finding]:
    logging.getLogger("ivr").addHandler(logging.NullHandler())  # what others would log is found and said here
    try:
        chosen = settings()
    except SettingsError as wrong:
        return [Finding("settings", Level.ERROR, str(wrong), say("doctor.settings_do"))]
    return examine(gather(chosen, datetime.now(UTC)), only)
