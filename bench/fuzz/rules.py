"""Broken rules files: each is refused with reasons, or sound; a refusal changes nothing in force."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from zlib import crc32

from bench.fuzz.mutations import mutated
from bench.fuzz.parser import Parser, Verdict
from bench.fuzz.soundness import acceptance_faults, refusal_faults
from ivr.rules import Rules, RulesError, load_rules
from ivr.settings import PROJECT
from tests.rules.kinds import kind_of

BASES = ("routing_rules.yaml", "examples/ambon.yaml", "examples/kendari.yaml", "examples/kecil.yaml")


class LastGood:
    """A stand-in for the controller: rules in force, which a refusal must leave exactly as they are."""

    def __init__(self, rules: Rules) -> None:
        self._take(rules)

    def offer(self, source: Path | str) -> Rules:
        """Put the rules of a file or a text into force. Raises RulesError."""
        rules = load_rules(source)
        self._take(rules)
        return rules

    @property
    def unchanged(self) -> bool:
        """Whether the rules in force are what they were when they were taken."""
        return self._rules.model_dump_json() == self._as_taken

    def _take(self, rules: Rules) -> None:
        self._rules, self._as_taken = rules, rules.model_dump_json()


def texts() -> list[str]:
    """The files that are broken."""
    return [(PROJECT / name).read_text(encoding="utf-8") for name in BASES]


class RulesFile(Parser):
    """The loader of `routing_rules.yaml`."""

    def __init__(self, folder: Path) -> None:
        self._bases = texts()
        self._good = LastGood(load_rules(self._bases[0]))
        self._file = folder / "rules.yaml"

    def make(self, random: Random) -> bytes:
        """One of the shipped files after one to three changes."""
        return mutated(random, self._bases)[0]

    def check(self, content: bytes) -> Verdict:
        """Accepted and sound, or refused with reasons."""
        outcome = self._offered(content)
        faults = tuple(self._faults(outcome, content.decode("utf-8", "replace"), Random(crc32(content))))
        if isinstance(outcome, Rules):
            return Verdict(("accepted", *{f"warning: {kind_of(one)}" for one in outcome.warnings}), faults)
        return Verdict(("refused", *{kind_of(one) for one in outcome.problems}), faults)

    def _offered(self, content: bytes) -> Rules | RulesError:
        try:
            return self._good.offer(self._source(content))
        except RulesError as error:
            return error

    def _source(self, content: bytes) -> Path | str:
        """The text, which costs no disk; a file where it is none."""
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            self._file.write_bytes(content)
            return self._file

    def _faults(self, outcome: Rules | RulesError, text: str, random: Random) -> Iterator[str]:
        if isinstance(outcome, Rules):
            yield from acceptance_faults(outcome, text, random)
            return
        yield from refusal_faults(outcome, text)
        if not self._good.unchanged:
            yield "the rules in force changed though the file was refused"
