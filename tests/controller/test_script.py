from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.controller.script import CityScript, manners, seconds_of_questions
from ivr.dialogue import Question, Understanding
from ivr.prompts.catalogue import catalogue, read_book
from ivr.prompts.sources import subjects_of
from ivr.rules import Kecamatan, Rules, load_rules
from ivr.settings import PROJECT
from tests.city import SHIPPED, SYSTEM_TEST
from tests.rules.conftest import SMALL

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)  # Monday noon in the city


KENDARI = {
    **{"11": "Mandonga", "12": "Puuwatu", "13": "Kendari Barat", "14": "Kendari"},
    **{"21": "Kadia", "22": "Wua-Wua", "23": "Baruga"},
    **{"31": "Kambu", "32": "Poasia", "33": "Abeli", "34": "Nambo"},
}
GROUPS = {
    "1": "Mandonga, Puuwatu, Kendari Barat, atau Kendari",
    "2": "Kadia, Wua-Wua, atau Baruga",
    "3": "Kambu, Poasia, Abeli, atau Nambo",
}


def grouped(names: dict[str, str], groups: dict[str, str]) -> Rules:
    """A city whose kecamatan have these keys: the shipped one's questions, another's places."""
    rules = load_rules(SHIPPED)
    areas = tuple(kecamatan(f"62.71.{number:02d}", key, name) for number, (key, name) in enumerate(names.items(), 1))
    return rules.model_copy(update={"areas": areas, "groups": groups})


def kecamatan(code: str, key: str, name: str) -> Kecamatan:
    return load_rules(SHIPPED).areas[0].model_copy(update={"code": code, "key": key, "name": name, "kelurahan": ()})


def inside(question: Question | None) -> Iterator[Question]:
    """The question itself and those behind its groups."""
    if question:
        yield question
        yield from (choice.then for choice in question.choices if choice.then)


def asked(rules: Rules, category: str | None = None, area: str | None = None) -> Question | None:
    return CityScript(rules, NOW).next_question(Understanding(category, area))


def meant(question: Question | None) -> dict[str, str]:
    assert question is not None
    return {choice.key: choice.id for choice in question.choices}


def test_first_the_caller_is_asked_what_happened(city: Rules) -> None:
    question = asked(city)
    assert question is not None
    assert (question.subject, question.digits) == ("category", 1)
    assert meant(question) == {"1": "kebakaran", "2": "medis", "3": "keamanan", "4": "lampu"}
    assert question.clips == (
        "ask-category",
        "option-kebakaran",
        "option-medis",
        "option-keamanan",
        "option-lampu",
        "option-operator",
    )


def test_then_where(city: Rules) -> None:
    question = asked(city, "kebakaran")
    assert meant(question) == {"1": "62.71.01", "3": "62.71.03"}
    assert question is not None
    assert question.subject == "area"
    assert question.clips == ("ask-area", "option-area-62-71-01", "option-area-62-71-03", "option-operator")


def test_more_than_nine_kecamatan_are_asked_by_group_and_then_by_name() -> None:
    question = asked(grouped(KENDARI, GROUPS), "kebakaran")
    assert question is not None
    assert question.clips == ("ask-area", "option-group-1", "option-group-2", "option-group-3", "option-operator")
    kadia = question.choices[1].then
    assert kadia is not None
    assert (kadia.subject, kadia.group, meant(kadia)) == (
        "area",
        "2",
        {"1": "62.71.05", "2": "62.71.06", "3": "62.71.07"},
    )
    assert kadia.clips == ("option-area-62-71-05", "option-area-62-71-06", "option-area-62-71-07")
    assert {one.digits for one in inside(question)} == {1}


def test_groups_are_read_in_the_order_of_their_keys_beside_a_kecamatan_with_a_key_of_its_own() -> None:
    question = asked(grouped({"31": "Kambu", "12": "Puuwatu", "2": "Kadia", "11": "Mandonga"}, GROUPS), "kebakaran")
    assert question is not None
    assert question.clips[1:4] == ("option-group-1", "option-area-62-71-03", "option-group-3")
    assert question.meaning("2") == "62.71.03"
    assert meant(question.choices[0].then) == {"1": "62.71.04", "2": "62.71.02"}


def test_the_voice_says_the_digit_that_the_question_waits_for() -> None:
    prompts = catalogue(read_book(PROJECT / "recordings" / "prompts.yaml"), subjects_of(grouped(KENDARI, GROUPS)))
    assert prompts["option-group-2"].text == "Kadia, Wua-Wua, atau Baruga, dua."
    assert prompts["option-area-62-71-07"].text == "Baruga, tiga."
    assert prompts["area-62-71-07"].text == "Kecamatan Baruga."


def test_nothing_more_is_asked_when_category_and_place_are_known(city: Rules) -> None:
    assert asked(city, "kebakaran", "62.71.03") is None


def test_a_category_without_place_needs_one_question(city: Rules) -> None:
    assert asked(city, "lampu") is None


def test_the_kelurahan_is_asked_only_where_it_changes_who_is_rung(city: Rules) -> None:
    question = asked(city, "keamanan", "62.71.03")
    assert meant(question) == {"1": "62.71.03.1001", "2": "62.71.03.1002"}
    assert question is not None
    assert question.subject == "kelurahan"
    assert question.clips[1:] == (
        "option-kelurahan-62-71-03-1001",
        "option-kelurahan-62-71-03-1002",
        "option-operator",
    )
    assert asked(city, "keamanan", "62.71.01") is None
    assert asked(city, "keamanan", "62.71.03.1002") is None


def test_the_hour_of_the_call_decides_whether_the_kelurahan_matters() -> None:
    rules = load_rules(SMALL.replace("[[damkar, bpbd]]", "[[damkar, dlh]]"))
    known = Understanding("api", "99.01.02")
    night = datetime(2026, 11, 23, 15, tzinfo=UTC)
    assert CityScript(rules, NOW).next_question(known) is not None
    assert CityScript(rules, night).next_question(known) is None


def test_a_category_the_rules_do_not_have_is_asked_for_again(city: Rules) -> None:
    question = asked(city, "gempa")
    assert question is not None
    assert question.subject == "category"


def test_a_place_the_rules_do_not_have_asks_nothing_more(city: Rules) -> None:
    assert asked(city, "keamanan", "12.34.56") is None


def test_of_more_than_nine_kelurahan_only_nine_have_keys() -> None:
    wards = "\n".join(f"      62.71.03.1{number:03d}: Kampung {number}" for number in range(1, 12))
    text = SYSTEM_TEST.read_text(encoding="utf-8").replace(
        "    kelurahan: {62.71.03.1001: Palangka, 62.71.03.1002: Menteng}", f"    kelurahan:\n{wards}"
    )
    question = asked(load_rules(text.replace("wilayah: Menteng", "wilayah: Kampung 3")), "keamanan", "62.71.03")
    assert list(meant(question)) == list("123456789")
    unchoosable = load_rules(text.replace("wilayah: Menteng", "wilayah: Kampung 11"))
    assert asked(unchoosable, "keamanan", "62.71.03") is None  # no key would lead there; the check warns of it


@pytest.mark.parametrize("path", [SHIPPED, SYSTEM_TEST], ids=lambda path: path.stem)
def test_every_clip_of_every_question_has_a_text_and_every_way_ends_after_three_questions(path: Path) -> None:
    every_way_ends(load_rules(path))


def test_every_way_through_groups_ends_too() -> None:
    every_way_ends(grouped(KENDARI, GROUPS))


def every_way_ends(rules: Rules) -> None:
    prompts = catalogue(read_book(PROJECT / "recordings" / "prompts.yaml"), subjects_of(rules))
    waiting = [Understanding()]
    for _ in range(3):
        known, waiting = waiting, []
        for one in known:
            for question in inside(CityScript(rules, NOW).next_question(one)):
                assert set(question.clips) <= set(prompts)
                answers = [choice.id for choice in question.choices if not choice.then]
                waiting += [one.knowing(question.subject, answer, "key") for answer in answers]
    assert all(CityScript(rules, NOW).next_question(one) is None for one in waiting)


def test_the_city_decides_how_patient_it_is() -> None:
    text = SYSTEM_TEST.read_text(encoding="utf-8")
    rules = load_rules(text + "kebijakan: {anggaran_detik: 25, tunggu_detik: 3, kesalahan_maksimal: 1}\n")
    patience = manners(rules)
    assert (patience.budget, patience.wait, patience.mistakes, patience.repeat_on_silence) == (25, 3, 1, False)
    assert (patience.opening, patience.after_wrong_key) == (("greeting",), ("wrong-key",))


def test_the_city_decides_whether_silence_is_asked_again(city: Rules) -> None:
    policies = city.policies.model_copy(update={"repeats_on_silence": True})
    assert manners(city.model_copy(update={"policies": policies})).repeat_on_silence


def test_who_corrects_a_misunderstanding_is_not_greeted_again(city: Rules) -> None:
    assert manners(city, again=True).opening == ("ask-again",)


def test_a_budget_can_be_compared_with_what_a_patient_caller_has_to_hear() -> None:
    """One second a clip: greeting and categories, then the groups, then the longest list inside one."""
    plain, with_groups = load_rules(SHIPPED), grouped(KENDARI, GROUPS)
    assert seconds_of_questions(plain, len) == 1 + (1 + 8 + 1) + (1 + 5 + 1)
    first, second = asked(with_groups), asked(with_groups, with_groups.categories[0].id)
    assert first is not None
    assert second is not None
    longest = max(len(choice.then.clips) for choice in second.choices if choice.then)
    assert seconds_of_questions(with_groups, len) == 1 + len(first.clips) + len(second.clips) + longest
