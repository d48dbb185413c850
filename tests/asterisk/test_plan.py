from pathlib import Path

import pytest

from ivr.asterisk.agi_protocol import fitting
from ivr.asterisk.plan import MAX_STEPS, READY, dial_string, joined, music_class, plan_variables, screen, spoken
from ivr.rules import Plan, Step, load_rules
from tests.city import SHIPPED

OPERATORS = Step("operators", ("operator1", "operator2"), None, 60)
STANDBY = Step("fallback", ("siaga",), None, 30)
PROMPTS = Path("/srv/prompts")
NOW = "0a1b2c3d"


def ringing(*lines: str, agency: str | None = "damkar", seconds: int = 20) -> Step:
    return Step("lines", lines, agency, seconds)


def plan(*steps: Step) -> Plan:
    return Plan((*steps, OPERATORS, STANDBY), "")


def test_each_step_is_four_variables_and_the_step_after_the_last_is_emptied() -> None:
    two = plan(ringing("damkar_1", "damkar_2", seconds=25), ringing("bpbd", agency="bpbd"))
    assert plan_variables(two, "kebakaran", "62.71.03", NOW) == [
        ("PLAN_1_DIAL", "Local/damkar_1@ring-line-0a1b2c3d&Local/damkar_2@ring-line-0a1b2c3d"),
        ("PLAN_1_LINES", "damkar_1&damkar_2"),
        ("PLAN_1_SECONDS", "25"),
        ("PLAN_1_MUSIC", "0a1b2c3d-kebakaran-62_71_03-damkar"),
        ("PLAN_2_DIAL", "Local/bpbd@ring-line-0a1b2c3d"),
        ("PLAN_2_LINES", "bpbd"),
        ("PLAN_2_SECONDS", "20"),
        ("PLAN_2_MUSIC", "0a1b2c3d-kebakaran-62_71_03-bpbd"),
        ("PLAN_3_DIAL", ""),
    ]


def test_those_who_are_told_of_the_call_are_named_before_its_steps() -> None:
    joint = Plan((ringing("damkar_1"), OPERATORS, STANDBY), "", told=("pln", "psc119"))
    assert plan_variables(joint, "kebakaran", None, NOW)[0] == ("TELL", "pln&psc119")
    assert plan_variables(joint, "kebakaran", None, NOW)[1:] == plan_variables(
        plan(ringing("damkar_1")), "kebakaran", None, NOW
    )


def test_a_plan_of_operators_alone_is_empty_because_the_dialplan_ends_there_by_itself() -> None:
    assert plan_variables(plan(), "medis", None, NOW) == [("PLAN_1_DIAL", "")]
    assert plan_variables(Plan((), "no_input"), None, None, NOW) == [("PLAN_1_DIAL", "")]


def test_operators_in_the_middle_are_a_step_of_their_own() -> None:
    variables = dict(plan_variables(plan(OPERATORS, ringing("dlh", agency="dlh")), "sampah", None, NOW))
    assert variables["PLAN_1_DIAL"] == variables["PLAN_1_MUSIC"] == "operators"
    assert (variables["PLAN_1_LINES"], variables["PLAN_1_SECONDS"]) == ("operator1&operator2", "60")
    assert (variables["PLAN_2_LINES"], variables["PLAN_3_DIAL"]) == ("dlh", "")


def test_a_plan_without_end_is_cut_and_still_ends() -> None:
    variables = dict(plan_variables(plan(*[ringing("pln", agency="pln")] * 50), "listrik", None, NOW))
    assert variables[f"PLAN_{MAX_STEPS}_DIAL"]
    assert variables[f"PLAN_{MAX_STEPS + 1}_DIAL"] == ""
    assert f"PLAN_{MAX_STEPS + 2}_DIAL" not in variables


def test_the_sentinel_is_no_part_of_the_variables() -> None:
    assert READY[0] not in dict(plan_variables(plan(ringing("bpbd")), None, None, NOW))


@pytest.mark.parametrize(
    ("category", "area", "agency", "name"),
    [
        ("kebakaran", "62.71.03", "damkar", "0a1b2c3d-kebakaran-62_71_03-damkar"),
        ("kebakaran", "62.71.03.1002", "damkar", "0a1b2c3d-kebakaran-62_71_03_1002-damkar"),
        ("lampu", None, "dishub", "0a1b2c3d-lampu-any-dishub"),
        ("lampu", None, None, "0a1b2c3d-lampu-any-officer"),
        (None, None, "damkar", "lifeline"),
        (None, "62.71.03", None, "lifeline"),
    ],
)
def test_the_music_says_what_was_understood(
    category: str | None, area: str | None, agency: str | None, name: str
) -> None:
    assert music_class(category, area, agency, NOW) == name


def test_a_music_class_of_the_longest_names_fits_into_asterisk() -> None:
    longest = "x" * 31
    names = {music_class(longest, f"62.71.03.{code}", longest, NOW) for code in range(1001, 1101)}
    assert len(names) == 100  # none is taken for another
    assert max(map(len, names)) < 80  # MAX_MUSICCLASS of res_musiconhold.c
    assert all(name.startswith(NOW) for name in names)


def test_lines_ring_together_each_behind_its_own_local_channel() -> None:
    assert dial_string(["a", "b"], NOW) == "Local/a@ring-line-0a1b2c3d&Local/b@ring-line-0a1b2c3d"
    assert dial_string([], NOW) == ""


@pytest.mark.parametrize(
    ("category", "area", "heard"),
    [
        ("layanan_kota", "62.71.03", "/srv/prompts/category-layanan-kota&/srv/prompts/area-62-71-03"),
        ("medis", "62.71.03.1002", "/srv/prompts/category-medis&/srv/prompts/kelurahan-62-71-03-1002"),
        ("medis", None, "/srv/prompts/category-medis&/srv/prompts/screen-unknown-place"),
        (None, None, "/srv/prompts/screen-unknown-category&/srv/prompts/screen-unknown-place"),
    ],
)
def test_the_officer_hears_what_is_known_and_that_the_rest_is_not(
    category: str | None, area: str | None, heard: str
) -> None:
    assert spoken(PROMPTS, category, area) == heard
    assert screen(PROMPTS, category, area) == f"/srv/prompts/screen-call&{heard}&/srv/prompts/screen-keys"


def test_files_are_named_without_extension_and_joined() -> None:
    assert joined(PROMPTS, ["a", "b"]) == "/srv/prompts/a&/srv/prompts/b"
    assert joined(PROMPTS, []) == ""


def test_what_an_officer_hears_fits_into_one_agi_argument_wherever_the_prompts_lie() -> None:
    rules = load_rules(SHIPPED)
    deep = Path("/", *["folder"] * 25)
    for category in rules.categories:
        for area in rules.areas:
            for place in (area.code, *(ward.code for ward in area.kelurahan)):
                text = screen(deep, category.id, place)
                assert fitting(text) == text
