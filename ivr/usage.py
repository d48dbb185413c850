"""Wrong use of a command, said in Indonesian: typer and click have no other language than English."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import typer
from typer.core import TyperGroup

from ivr.messages import say

USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__mro__[1])  # click's UsageError; typer brings its own click
HELP_SHOWN = "NoArgsIsHelpError"  # raised when the help stands on the terminal already

_NEAR = r"(?: \(Possible options: (?P<near>.*)\)|\.? Did you mean (?P<like>.*)\?|\.)?"
_FRAMES = {
    "no_option": rf"No such option: (?P<name>\S+?){_NEAR}",
    "no_command": rf"No such command '(?P<name>.*?)'{_NEAR}",
    "missing_command": r"Missing command\.",
    "missing_argument": r"Missing argument '(?P<name>.*?)'\..*",
    "missing_option": r"Missing option '(?P<name>.*?)'\..*",
    "too_many": r"Got unexpected extra argument\(?s?\)? \((?P<names>.*)\)",
    "needs_value": r"Option '(?P<name>.*)' requires an argument\.",
    "takes_no_value": r"Option '(?P<name>.*)' does not take a value\.",
    "value_of": r"Invalid value for '(?P<name>.*?)': (?P<reason>.*)",
    "value": r"Invalid value: (?P<reason>.*)",
}
_REASONS = {
    "whole_number": r"Input should be a valid integer.*",
    "at_least": r"Input should be greater than or equal to (?P<least>.*)",
    "at_most": r"Input should be less than or equal to (?P<most>.*)",
    "choices": r"(?:Value error, )?'.*' is not one of (?P<choices>.*)\.",
    "no_file": r"\w+ '(?P<path>.*)' does not exist\.",
    "is_folder": r"\w+ '(?P<path>.*)' is a directory\.",
    "unreadable": r"\w+ '(?P<path>.*)' is not readable\.",
}


class Commands(TyperGroup):
    """All commands: wrong use is told in Indonesian; help, completion and exit codes stay typer's."""

    def main(self, args: Sequence[str] | None = None, *others: Any, **extra: Any) -> Any:
        """Run what `args` (else those of the process) say, and raise SystemExit."""
        words = sys.argv[1:] if args is None else [*args]
        try:
            code = super().main(words, *others, **{**extra, "standalone_mode": False})
        except USAGE_ERROR as wrong:
            if type(wrong).__name__ != HELP_SHOWN:
                typer.echo("\n".join(told(wrong, " ".join(["ivr", *self._named(words)]))), err=True)
            code = getattr(wrong, "exit_code", 2)
        except typer.Abort:
            typer.echo(say("cli.aborted"), err=True)
            code = 1
        sys.exit(code if isinstance(code, int) else 0)

    def _named(self, words: Sequence[str]) -> Iterator[str]:
        """The command that was meant; some errors do not know theirs."""
        commands: Mapping[str, Any] = self.commands
        for word in words:
            if word not in commands:
                return
            yield word
            commands = getattr(commands[word], "commands", {})


def told(wrong: Any, command: str) -> Iterator[str]:
    """Lines for a UsageError of click: what is wrong, how `command` is used (as far as known), where help is."""
    yield _sentence(wrong.format_message())
    if context := wrong.ctx:
        command = context.command_path
        usage = " ".join([command, *context.command.collect_usage_pieces(context)])
        yield say("cli.usage", usage=usage)
    yield say("cli.help", command=command)


def _sentence(english: str) -> str:
    """What is not known here, as our own sentences, stays as it is."""
    for key, pattern in _FRAMES.items():
        if found := re.fullmatch(pattern, english, re.DOTALL):
            values = {name: _unquoted(value or "") for name, value in found.groupdict().items()}
            values["reason"] = _reason(found["reason"]) if "reason" in values else ""
            near = values.get("near") or values.get("like")
            return say(f"cli.{key}", **values) + (say("cli.near", near=near) if near else "")
    return english


def _reason(english: str) -> str:
    for key, pattern in _REASONS.items():
        if found := re.fullmatch(pattern, english, re.DOTALL):
            return say(f"cli.{key}", **{name: _unquoted(value) for name, value in found.groupdict().items()})
    return english


def _unquoted(listed: str) -> str:
    """`'open', 'closed'` without its quotes."""
    return ", ".join(part.strip("'") for part in listed.split(", "))
