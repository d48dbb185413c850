"""What whoever starts the server reads: the number to dial, the accounts to dial it with, where everything is."""

from typing import TextIO

from rich.console import Console
from rich.table import Table

from ivr.asterisk.accounts import DEMO_CITIZEN, account_names
from ivr.messages import say
from ivr.rules import Rules
from ivr.secrets import Secrets
from ivr.settings import Settings


def plain_console(file: TextIO | None = None) -> Console:
    """Names and paths are shown as they are written, brackets and all."""
    return Console(file=file, markup=False, emoji=False)


def accounts(settings: Settings, rules: Rules) -> dict[str, str]:
    """Every account with what it is for, the citizen's first."""
    operators = set(rules.operators.accounts)
    roles = {}
    for account, name in account_names(rules, settings).items():
        roles[account] = say("up.role_operator") if account in operators else say("up.role_agency", name=name)
    if DEMO_CITIZEN in roles:
        roles = {DEMO_CITIZEN: say("up.role_citizen")} | {k: v for k, v in roles.items() if k != DEMO_CITIZEN}
    return roles


def table_of_accounts(settings: Settings, rules: Rules, secrets: Secrets) -> Table:
    """Every account with its password and what it is for."""
    table = Table(title=say("up.accounts"), title_justify="left", box=None, pad_edge=False)
    for column in ("account", "password", "role"):
        table.add_column(say(f"up.{column}"))
    for account, role in accounts(settings, rules).items():
        table.add_row(account, secrets[account], role)
    return table


def welcome(console: Console, settings: Settings, rules: Rules, secrets: Secrets, seconds: float) -> None:
    """Say what to dial, with which accounts, and where everything is."""
    console.print(say("up.ready", city=rules.city.name, seconds=round(seconds, 1)), style="bold green")
    where = say("up.any_address") if settings.sip_address.is_unspecified else settings.sip_address
    console.print(say("up.dial", address=where, port=settings.sip_port))
    console.print(table_of_accounts(settings, rules, secrets))
    places = {"database": settings.database, "recordings": settings.recordings, "log": settings.state / "log"}
    for name, path in places.items():
        console.print(say(f"up.where_{name}", path=path), soft_wrap=True)
    console.print(say("up.stop"))
