from datetime import UTC, datetime

import pytest

from bench.reload import Outcome, Round, differences, rung
from bench.reload_city import BASE, EDITS, SCRIPTS, Edit, Script, edited
from ivr.calls.events import Event, Kind
from ivr.rules import Rules, load_rules, route

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
DISPATCHED = [script for script in SCRIPTS if len(script.presses) > 1]


def served(rules: Rules, script: Script) -> tuple[object, ...]:
    """What the first two keys of a caller mean, and who is rung for it: agencies, lines and phones."""
    keys = [key for _, key in script.presses]
    category = next(one.id for one in rules.categories if one.key == keys[0])
    area = next(one.code for one in rules.areas if one.key == keys[1])
    steps = [step for step in route(rules, category, area, NOW).steps if step.kind == "lines"]
    lines = [line for step in steps for line in step.lines]
    return category, area, [step.agency for step in steps], lines, [rules.line(line).phone for line in lines]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("script", DISPATCHED, ids=lambda script: script.doing)
def test_every_edit_changes_something_for_every_caller(edit: Edit, script: Script) -> None:
    assert served(load_rules(edited(edit)), script) != served(load_rules(BASE), script)


def test_the_first_rules_never_ring_the_phone_that_the_edits_ring() -> None:
    rules = load_rules(BASE)
    rung = [str(served(rules, script)) for script in DISPATCHED]
    assert any("sip:tuli@" in phones for phones in rung)
    assert not any("sip:lain@" in phones for phones in rung)


def happened(kind: Kind, line: str = "") -> Event:
    return Event("ivr112-1.2", kind, NOW, "asterisk", {"line": line})


def test_phones_of_one_turn_have_no_order_turns_have_one_and_operators_are_alike() -> None:
    story = [
        happened(Kind.STEP),
        happened(Kind.RING, "pln"),
        happened(Kind.RING, "bpbd"),
        happened(Kind.STEP),
        happened(Kind.RING, "damkar"),
        happened(Kind.QUEUE),
        happened(Kind.RING, "operator7"),
        happened(Kind.RING, "operator2"),
    ]
    assert rung(story) == (("bpbd", "pln"), ("damkar",), ("operator",))


def test_a_call_that_ended_otherwise_and_one_that_is_missing_are_both_named() -> None:
    taken = Outcome("medis", "62.71.01", (("psc119",),), ("lambat",), "psc119", "answered", "caller", lifeline=False)
    strayed = Outcome("medis", "62.71.01", (("lain",),), ("lain",), "lain", "answered", "caller", lifeline=False)
    before = Round({"Ani": taken, "Budi": taken, "Cici": taken}, 0, {}, ())
    after = Round({"Ani": taken, "Budi": strayed}, 1, {}, ())
    assert [line.split(":")[0] for line in differences(before, after)] == ["Budi", "Cici"]
    assert differences(before, before) == []
