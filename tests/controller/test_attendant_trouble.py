"""What must never stop a call: hang-ups, prompts that are not there, hostile names, plans too long."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.asterisk.agi import CallerHungUp, CommandFailed, Session
from ivr.asterisk.plan import plan_variables
from ivr.calls.events import Kind
from ivr.controller.attendant import DISPLAY_LENGTH, display_name
from ivr.dialogue import Understanding
from ivr.rules import Rules, load_rules, route
from tests.asterisk.scripted import ALIVE, HANG_UP, OK, REQUEST, ScriptedAsterisk
from tests.city import SYSTEM_TEST
from tests.controller.desk import (
    BEGINNING,
    CALL,
    FIRST,
    NOW,
    PLAN,
    SECOND,
    UNDERSTOOD_CATEGORY,
    UNDERSTOOD_PLACE,
    Answer,
    Desk,
    key,
    set_,
    variables,
)

CANNOT_PLAY = b"200 result=-1\n"
GONE = b"HANGUP\n200 result=-1\n"


@pytest.mark.parametrize(
    ("sent", "name", "number"),
    [
        (b"agi_callerid: unknown\nagi_calleridname: unknown\n", "", ""),
        (b"", "", ""),
        (b'agi_callerid: 0811\nagi_calleridname: "; rm -rf / \xff\x1b\n', '"; rm -rf / \\xff', "0811"),
    ],
)
def test_an_unknown_or_hostile_caller_is_asked_like_any_other(
    sent: bytes, name: str, number: str, desk: Desk
) -> None:
    request = re.sub(rb"agi_callerid(name)?: .*\n", b"", REQUEST).replace(b"\n\n", b"\n" + sent + b"\n")
    with desk.call(key("4"), *UNDERSTOOD_CATEGORY, *PLAN, request=request) as asterisk:
        assert asterisk.commands[-1] == set_("PLAN", "ready")
    assert desk.detail(Kind.ATTENDED) == {"number": number, "name": name}


@pytest.mark.parametrize("end", [HANG_UP, GONE], ids=["connection closed", "HANGUP"])
@pytest.mark.parametrize(
    ("before", "asked", "known"),
    [
        ((), "category", None),
        ((key("3"), *UNDERSTOOD_CATEGORY), "area", "keamanan"),
        ((key("3"), *UNDERSTOOD_CATEGORY, key("3"), *UNDERSTOOD_PLACE), "kelurahan", "keamanan"),
    ],
)
def test_a_hang_up_in_any_question_ends_it_without_a_plan(
    before: tuple[Answer, ...], asked: str, known: str | None, end: Answer, desk: Desk
) -> None:
    with ScriptedAsterisk(*BEGINNING, *before, end) as asterisk:
        with pytest.raises(CallerHungUp):
            desk.attendant.attend(Session(asterisk.theirs))
        given = variables(asterisk)
    assert (given.get("CATEGORY"), "PLAN" in given) == (known, False)
    assert desk.events[-1].kind == Kind.QUESTION
    assert desk.events[-1].detail["question"] == asked


def test_a_hang_up_while_the_plan_is_handed_over_leaves_no_sentinel(desk: Desk) -> None:
    with ScriptedAsterisk(*BEGINNING, key("4"), *UNDERSTOOD_CATEGORY, OK, OK, OK, HANG_UP) as asterisk:
        with pytest.raises(CallerHungUp):
            desk.attendant.attend(Session(asterisk.theirs))
        assert variables(asterisk)["PLAN_1_DIAL"] == "Local/dishub@ring-line-0a1b2c3d"
        assert "PLAN" not in variables(asterisk)
    assert desk.kinds()[-1] == Kind.PLAN  # decided; that it was never carried out, Asterisk tells


def test_a_missing_prompt_is_left_out_of_its_question(tmp_path: Path, city: Rules) -> None:
    rest = tuple(name for name in FIRST if name != "option-medis")
    desk = Desk(tmp_path, city, ("greeting", *rest, *SECOND))
    with desk.call(key("2"), *UNDERSTOOD_CATEGORY, key("1"), *UNDERSTOOD_PLACE, *PLAN) as asterisk:
        assert asterisk.commands[1] == desk.asks("greeting", *rest)
        assert variables(asterisk)["PLAN_1_LINES"] == "psc119&damkar_2"


def test_a_city_without_any_prompt_sends_its_callers_to_the_operators_instead_of_silence(
    tmp_path: Path, city: Rules, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path, city, ())
    with desk.call(*PLAN) as asterisk:
        assert not [command for command in asterisk.commands if command[0] == "GET"]
        assert asterisk.commands[-1] == set_("PLAN", "ready")
        assert "SILENT" not in variables(asterisk)
    assert desk.detail(Kind.OPERATOR_CHOSEN) == {"reason": "error", "possibly_silent": False}
    assert f"call {CALL}: the questions end" in caplog.text
    assert "the caller goes to an operator" in caplog.text


def test_a_prompt_asterisk_cannot_play_sends_the_caller_to_the_operators_with_what_is_known(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with desk.call(key("1"), *UNDERSTOOD_CATEGORY, CANNOT_PLAY, ALIVE, *PLAN) as asterisk:
        assert asterisk.commands[-2:] == [set_("PLAN_1_DIAL", ""), set_("PLAN", "ready")]
        assert variables(asterisk)["CALLERID(name)"] == "112 Kebakaran"
    assert desk.detail(Kind.PLAN)["reason"] == "error"
    assert "081234567890" not in caplog.text


def test_a_plan_too_long_for_asterisk_is_not_cut_but_left_to_the_lifeline(tmp_path: Path) -> None:
    lines = [f"pos_damkar_dengan_nama_yang_{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    entries = "\n".join(f"  {line}: {{akun: {line}}}" for line in lines)
    text = SYSTEM_TEST.read_text(encoding="utf-8").replace("jalur:\n", f"jalur:\n{entries}\n", 1)
    desk = Desk(tmp_path, load_rules(text.replace("langkah: [dishub]", f"langkah: [[{', '.join(lines)}]]")))
    with ScriptedAsterisk(*BEGINNING, key("4"), *UNDERSTOOD_CATEGORY, *PLAN) as asterisk:
        with pytest.raises(CommandFailed, match="PLAN_1_DIAL does not fit"):
            desk.attendant.attend(Session(asterisk.theirs))
        assert variables(asterisk)["CATEGORY"] == "lampu"
        assert "PLAN" not in variables(asterisk)


@pytest.mark.parametrize(
    "name", ['Kebakaran "besar" SET VARIABLE PLAN x', "a\\", "${SHELL(id)}", "é" * 60, "; , & |", "[/bold]"]
)
def test_a_hostile_category_name_stays_one_value_on_the_display(name: str, tmp_path: Path) -> None:
    text = SYSTEM_TEST.read_text(encoding="utf-8").replace("nama: Lampu jalan", f"nama: {json.dumps(name)}")
    desk = Desk(tmp_path, load_rules(text))
    with desk.call(key("4"), *UNDERSTOOD_CATEGORY, *PLAN) as asterisk:
        assert all(len(command) in (4, 5) for command in asterisk.commands)
        assert variables(asterisk)["CALLERID(name)"] == f"112 {name}"[:DISPLAY_LENGTH]
        assert asterisk.commands[-1] == set_("PLAN", "ready")


def test_any_understanding_of_the_city_can_be_handed_over_whole(city: Rules) -> None:
    now = datetime.now(UTC)
    for category in (None, *(known.id for known in city.categories)):
        for area in (None, "62.71.01", "62.71.03", "62.71.03.1002", "99.99.99"):
            values = plan_variables(route(city, category, area, now), category, area, NOW)
            assert values[-1][1] == ""
            assert display_name(city, Understanding(category, area)).startswith("112")
