"""From keys to a plan: what a call is given, and what the record is told of it."""

from pathlib import Path

import pytest

from ivr.calls.events import Kind
from ivr.controller.attendant import DISPLAY_LENGTH, describe, display_name
from ivr.dialogue import Understanding
from ivr.rulebook.edition import Edition
from ivr.rules import Plan, Rules, Step, load_rules
from tests.asterisk.scripted import OK, REQUEST
from tests.city import SYSTEM_TEST
from tests.controller.desk import (
    CALL,
    FIRST,
    NOW,
    PLAN,
    SECOND,
    THIRD,
    UNDERSTOOD_CATEGORY,
    UNDERSTOOD_PLACE,
    Answer,
    Desk,
    key,
    set_,
    variables,
)

TIMEOUT = b"200 result= (timeout)\n"


def test_two_keys_become_a_plan_and_its_last_word_is_the_sentinel(desk: Desk) -> None:
    with desk.call(key("1"), *UNDERSTOOD_CATEGORY, key("3"), *UNDERSTOOD_PLACE, *PLAN) as asterisk:
        assert asterisk.commands == [
            set_("GENERATION", NOW),
            desk.asks("greeting", *FIRST),
            set_("CATEGORY", "kebakaran"),
            set_("SPOKEN", desk.about("category-kebakaran", "screen-unknown-place")),
            set_("QUEUE_PRIO", "4"),
            desk.asks(*SECOND),
            set_("CATEGORY", "kebakaran"),
            set_("SPOKEN", desk.about("category-kebakaran", "area-62-71-03")),
            set_("QUEUE_PRIO", "4"),
            set_("CALLERID(name)", "112 Kebakaran, Jekan Raya"),
            set_("__SCREEN", desk.screen("category-kebakaran", "area-62-71-03")),
            set_("PLAN_1_DIAL", "Local/damkar_1@ring-line-0a1b2c3d"),
            set_("PLAN_1_LINES", "damkar_1"),
            set_("PLAN_1_SECONDS", "12"),
            set_("PLAN_1_MUSIC", "0a1b2c3d-kebakaran-62_71_03-damkar"),
            set_("PLAN_2_DIAL", "Local/damkar_2@ring-line-0a1b2c3d"),
            set_("PLAN_2_LINES", "damkar_2"),
            set_("PLAN_2_SECONDS", "5"),
            set_("PLAN_2_MUSIC", "0a1b2c3d-kebakaran-62_71_03-damkar_pos"),
            set_("PLAN_3_DIAL", ""),
            set_("PLAN", "ready"),
        ]


def test_the_record_tells_who_called_what_was_asked_pressed_understood_and_planned(desk: Desk) -> None:
    with desk.call(key("1"), *UNDERSTOOD_CATEGORY, key("3"), *UNDERSTOOD_PLACE, *PLAN):
        pass
    told = [(str(event.kind), dict(event.detail)) for event in desk.events]
    assert told == [
        ("attended", {"number": "081234567890", "name": "Budi"}),
        ("question", {"question": "category", "attempt": 1}),
        ("key_pressed", {"question": "category", "keys": "1"}),
        ("understood", {"what": "category", "value": "kebakaran", "how": "key"}),
        ("question", {"question": "area", "attempt": 1}),
        ("key_pressed", {"question": "area", "keys": "3"}),
        ("understood", {"what": "area", "value": "62.71.03", "how": "key"}),
        (
            "plan",
            {
                "plan": "damkar_1 12s > damkar_2 5s > operator1&operator2 6s > siaga 8s",
                "rules": "c0ffee",
                "reason": "aturan ke-1",
            },
        ),
    ]
    assert {(event.call_id, event.source) for event in desk.events} == {(CALL, "controller")}


def test_a_kelurahan_is_asked_where_it_matters_and_finds_its_own_line(desk: Desk) -> None:
    answers = (key("3"), *UNDERSTOOD_CATEGORY, key("3"), *UNDERSTOOD_PLACE, key("2"), *UNDERSTOOD_PLACE, *PLAN)
    with desk.call(*answers) as asterisk:
        given = variables(asterisk)
        assert desk.asks(*THIRD) in asterisk.commands
    assert given["SPOKEN"] == desk.about("category-keamanan", "kelurahan-62-71-03-1002")
    assert given["CALLERID(name)"] == "112 Gangguan keamanan, Menteng - Jekan Raya"[:DISPLAY_LENGTH]
    assert (given["PLAN_1_LINES"], given["PLAN_1_MUSIC"]) == (
        "damkar_2",
        "0a1b2c3d-keamanan-62_71_03_1002-damkar_pos",
    )


def test_a_category_without_place_is_one_question(desk: Desk) -> None:
    with desk.call(key("4"), *UNDERSTOOD_CATEGORY, *PLAN) as asterisk:
        given = variables(asterisk)
        assert [command for command in asterisk.commands if command[0] == "GET"] == [desk.asks("greeting", *FIRST)]
    assert given["CALLERID(name)"] == "112 Lampu jalan"
    assert (given["PLAN_1_LINES"], given["PLAN_1_MUSIC"]) == ("dishub", "0a1b2c3d-lampu-any-dishub")


@pytest.mark.parametrize(
    ("answers", "reason", "category"),
    [
        ((key("0"),), "key", None),
        ((key("1"), *UNDERSTOOD_CATEGORY, key("0")), "key", "kebakaran"),
        ((key("9"), key("#")), "wrong_key", None),
        ((key("2"), *UNDERSTOOD_CATEGORY, key("9"), key("9")), "wrong_key", "medis"),
    ],
)
def test_zero_or_wrong_keys_leave_the_plan_to_the_operators_with_what_is_known(
    answers: tuple[Answer, ...], reason: str, category: str | None, desk: Desk
) -> None:
    with desk.call(*answers, *PLAN) as asterisk:
        commands, given = asterisk.commands, variables(asterisk)
    assert commands[-2:] == [set_("PLAN_1_DIAL", ""), set_("PLAN", "ready")]
    assert "SILENT" not in given
    assert desk.detail(Kind.OPERATOR_CHOSEN)["reason"] == reason
    assert desk.detail(Kind.PLAN) == {"plan": "operators", "rules": "c0ffee", "reason": reason}
    assert given.get("CATEGORY") == category
    first = f"category-{category}" if category else "screen-unknown-category"
    assert given["__SCREEN"] == desk.screen(first, "screen-unknown-place")


def test_the_second_attempt_says_that_the_key_was_wrong_and_greets_no_more(desk: Desk) -> None:
    with desk.call(key("9"), key("4"), *UNDERSTOOD_CATEGORY, *PLAN) as asterisk:
        asked = [command for command in asterisk.commands if command[0] == "GET"]
    assert asked == [desk.asks("greeting", *FIRST), desk.asks("wrong-key", *FIRST)]


@pytest.mark.parametrize("answers", [(TIMEOUT,), (key("1"), *UNDERSTOOD_CATEGORY, TIMEOUT)])
def test_who_presses_nothing_is_flagged_as_possibly_unable_to_speak(answers: tuple[Answer, ...], desk: Desk) -> None:
    with desk.call(*answers, *PLAN) as asterisk:
        assert asterisk.commands[-3:] == [set_("SILENT", "1"), set_("PLAN_1_DIAL", ""), set_("PLAN", "ready")]
    assert desk.detail(Kind.OPERATOR_CHOSEN)["possibly_silent"] is True


def test_who_corrects_a_misunderstanding_arrives_once_and_is_not_greeted_again(desk: Desk) -> None:
    request = REQUEST.replace(b"call?mode=1", b"again")
    with desk.call(key("4"), *UNDERSTOOD_CATEGORY, *PLAN, request=request) as asterisk:
        assert asterisk.commands[1] == desk.asks("ask-again", *FIRST)
    assert Kind.ATTENDED not in desk.kinds()
    assert desk.kinds()[-1] == Kind.PLAN


def test_who_corrects_after_the_rules_changed_is_asked_and_connected_by_those_the_call_began_with(
    tmp_path: Path, city: Rules
) -> None:
    desk, changed = Desk(tmp_path, city), load_rules(SYSTEM_TEST.read_text().replace("tombol: 4", "tombol: 5"))
    desk.editions.append(Edition(changed, "changed", "ffffffff", desk.shelf))
    with desk.call(key("1"), *UNDERSTOOD_CATEGORY, key("3"), *UNDERSTOOD_PLACE, *PLAN):
        pass
    request = REQUEST.replace(b"call?mode=1", b"again")
    with desk.call(key("4"), *UNDERSTOOD_CATEGORY, *PLAN, request=request) as asterisk:
        assert variables(asterisk)["PLAN_1_DIAL"] == f"Local/dishub@ring-line-{NOW}"
    assert [event.detail["rules"] for event in desk.events if event.kind == Kind.PLAN] == ["c0ffee", "c0ffee"]


def test_a_call_keeps_the_edition_it_began_with_and_the_next_call_gets_the_new_one(desk: Desk) -> None:
    text = SYSTEM_TEST.read_text(encoding="utf-8").replace("langkah: [damkar, damkar_pos]", "langkah: [polresta]")
    desk.editions.append(Edition(load_rules(text), "decade", "99999999", desk.shelf))
    keys = (key("1"), *UNDERSTOOD_CATEGORY, key("3"), *UNDERSTOOD_PLACE, *PLAN)
    told = []
    for _ in range(2):
        with desk.call(*keys) as asterisk:
            given = variables(asterisk)
            told.append((given["GENERATION"], given["PLAN_1_DIAL"], desk.events[-1].detail["rules"]))
    assert told == [
        (NOW, f"Local/damkar_1@ring-line-{NOW}", "c0ffee"),
        ("99999999", "Local/polresta@ring-line-99999999", "decade"),
    ]


@pytest.mark.parametrize(("priority", "given"), [(None, "4"), ("1", "5"), ("5", "1")])
def test_the_more_urgent_a_category_the_earlier_an_operator_takes_the_call(
    priority: str | None, given: str, tmp_path: Path
) -> None:
    text = SYSTEM_TEST.read_text(encoding="utf-8")
    if priority:
        text = text.replace("nama: Lampu jalan", f"nama: Lampu jalan, prioritas: {priority}")
    desk = Desk(tmp_path, load_rules(text))
    with desk.call(key("4"), *UNDERSTOOD_CATEGORY, *PLAN) as asterisk:
        assert variables(asterisk)["QUEUE_PRIO"] == given


def test_the_display_shows_what_is_known(city: Rules) -> None:
    assert display_name(city, Understanding()) == "112"
    assert display_name(city, Understanding("medis")) == "112 Gawat darurat medis"
    assert display_name(city, Understanding(None, "62.71.03.1001")) == "112 Palangka - Jekan Raya"
    assert display_name(city, Understanding("gempa", None)) == "112"


def test_a_plan_is_one_readable_line_of_the_record() -> None:
    steps = (
        Step("lines", ("a", "b"), "damkar", 20),
        Step("operators", ("op",), None, 60),
        Step("fallback", ("siaga",), None, 30),
    )
    assert describe(Plan(steps, "")) == "a&b 20s > op 60s > siaga 30s"
    assert describe(Plan((), "key")) == "operators"


def test_a_number_that_calls_too_often_is_answered_by_operators_and_never_refused(tmp_path: Path) -> None:
    policy = "kebijakan: {iseng: {panggilan: 2, menit: 30}}\n"
    desk = Desk(tmp_path, load_rules(SYSTEM_TEST.read_text(encoding="utf-8") + policy))
    desk.editions *= 4
    answers = (key("1"), *UNDERSTOOD_CATEGORY, key("3"), *UNDERSTOOD_PLACE, OK, *PLAN)
    given = []
    for _ in range(3):
        with desk.call(*answers) as asterisk:
            given.append(variables(asterisk))
    assert [one.get("PLAN_1_DIAL", "") != "" for one in given] == [True, True, False]
    assert given[2]["QUEUE_PRIO"] == "0"
    assert given[2]["PLAN"] == "ready"
    assert "3 kali" in str([event.detail["reason"] for event in desk.events if event.kind == Kind.PLAN][2])
    with desk.call(*answers, request=REQUEST.replace(b"081234567890", b"0811")) as asterisk:
        assert variables(asterisk)["PLAN_1_LINES"] == "damkar_1"


def test_a_test_call_is_planned_like_any_other_and_never_counted(tmp_path: Path) -> None:
    policy = "kebijakan: {iseng: {panggilan: 2, menit: 30}}\n"
    desk = Desk(tmp_path, load_rules(SYSTEM_TEST.read_text(encoding="utf-8") + policy))
    desk.editions *= 4
    answers = (key("1"), *UNDERSTOOD_CATEGORY, key("3"), *UNDERSTOOD_PLACE, OK, *PLAN)
    test = REQUEST.replace(b"call?mode=1", b"test")
    for request in (test, test, test, REQUEST):  # the last is a citizen's, from the same number
        with desk.call(*answers, request=request) as asterisk:
            assert variables(asterisk)["PLAN_1_LINES"] == "damkar_1"
            assert variables(asterisk)["PLAN"] == "ready"
