from pathlib import Path

import pytest

from ivr.asterisk.lines import Contact
from ivr.doctor.model import Level
from tests.doctor.installation import context, found, live, only, registered

EVERYBODY = ("operator1", "operator2", "damkar_1", "damkar_2", "psc119", "polresta", "dishub", "siaga")


def without(*names: str) -> list[str]:
    return [name for name in EVERYBODY if name not in names]


@pytest.mark.parametrize("check", ["operators", "agencies", "phones", "standby"])
def test_with_everybody_there_all_is_well(check: str, tmp_path: Path) -> None:
    assert only(check, context(tmp_path, live=live(there=EVERYBODY))).level is Level.OK


@pytest.mark.parametrize(
    ("there", "away", "expected"),
    [
        (["operator1"], [], Level.NOTE),
        ([], [], Level.ERROR),
        ([], ["operator1", "operator2"], Level.ERROR),
    ],
)
def test_without_any_operator_is_an_error(there: list[str], away: list[str], expected: Level, tmp_path: Path) -> None:
    assert only("operators", context(tmp_path, live=live(there=there, away=away))).level is expected


def test_phones_that_never_registered_and_phones_that_do_not_answer_are_told_apart(tmp_path: Path) -> None:
    here = context(tmp_path, live=live(there=without("psc119", "dishub"), away=["dishub"]))
    missing, away = found("phones", here)
    assert (missing.level, away.level) == (Level.WARNING, Level.WARNING)
    assert missing.text.startswith("1 dari 6")
    assert missing.text.endswith(": psc119")
    assert away.text.endswith(": dishub")


def test_a_second_phone_of_the_account_is_enough(tmp_path: Path) -> None:
    assert only("phones", context(tmp_path, live=live(there=EVERYBODY, away=["damkar_1"]))).level is Level.OK


@pytest.mark.parametrize(("absent", "expected"), [("polresta", Level.ERROR), ("dishub", Level.ERROR)])
def test_an_agency_on_duty_that_nobody_reaches_is_found(absent: str, expected: Level, tmp_path: Path) -> None:
    finding = only("agencies", context(tmp_path, live=live(there=without(absent))))
    assert finding.level is expected
    assert finding.text.endswith(f": {absent}")


def test_an_agency_for_services_is_less_urgent_and_one_off_duty_is_not_missed(tmp_path: Path) -> None:
    rules = (Path(__file__).parents[1] / "system" / "rules.yaml").read_text()
    rules = rules.replace("nama: Lampu jalan,", "nama: Lampu jalan, darurat: tidak,")
    (tmp_path / "rules.yaml").write_text(rules)
    here = context(tmp_path, live=live(there=without("dishub")))
    assert only("agencies", here).level is Level.WARNING
    on_weekdays = "piket: {p: [{hari: senin, jam: 08:00-16:00, jalur: dishub}]}\ninstansi:"
    rules = rules.replace("instansi:", on_weekdays).replace("Dinas Perhubungan, jalur: dishub", "Dishub, piket: p")
    (tmp_path / "rules.yaml").write_text(rules)
    assert only("agencies", context(tmp_path, live=live(there=without("dishub")))).level is Level.OK


def test_a_24_hour_line_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert only("standby", context(tmp_path, live=live(there=without("siaga")))).level is Level.ERROR


@pytest.mark.parametrize(
    ("there", "away", "state", "expected"),
    [
        (["trunk"], [], "", Level.OK),
        (["trunk"], [], "Registered", Level.OK),
        (["trunk"], [], "Rejected", Level.ERROR),
        ([], ["trunk"], "", Level.ERROR),
        ([], [], "", Level.ERROR),
    ],
)
def test_the_trunk_must_answer_and_know_us(
    there: list[str], away: list[str], state: str, expected: Level, tmp_path: Path
) -> None:
    (tmp_path / "trunk.conf").write_text("[trunk]\n")
    registrations = registered(state) if state else ()
    here = context(
        tmp_path,
        {"trunk_file": tmp_path / "trunk.conf"},
        live=live(there=there, away=away, registrations=registrations),
    )
    assert only("trunk", here).level is expected


def test_a_trunk_that_does_not_answer_is_called_by_its_name_with_its_address_where_that_is_known(
    tmp_path: Path,
) -> None:
    (tmp_path / "trunk.conf").write_text("[trunk]\n")
    given: dict[str, object] = {"trunk_file": tmp_path / "trunk.conf"}
    known = only("trunk", context(tmp_path, given, live=live(away=["trunk"])))
    assert known.text.startswith("Trunk [trunk] (sip:trunk@127.0.0.1) tidak menjawab")
    nameless = live(contacts=(Contact("trunk", "", "Unreachable", None),))
    assert only("trunk", context(tmp_path, given, live=nameless)).text.startswith("Trunk [trunk] tidak menjawab")


def test_numbers_without_a_trunk_are_an_error_and_no_numbers_are_not(tmp_path: Path) -> None:
    assert only("trunk", context(tmp_path, live=live())).level is Level.NOTE
    rules = tmp_path / "rules.yaml"
    rules.write_text(rules.read_text().replace("polresta: {akun: polresta,", "polresta: {telepon: 0536-3221-555,"))
    finding = only("trunk", context(tmp_path, live=live()))
    assert (finding.level, "polresta" in finding.text) == (Level.ERROR, True)


def test_a_number_is_reached_by_a_trunk_that_answers_and_a_sip_address_is_believed(tmp_path: Path) -> None:
    rules = (Path(__file__).parents[1] / "system" / "rules.yaml").read_text()
    rules = rules.replace("siaga: {akun: siaga,", "siaga: {telepon: 0536-3221-555,")
    (tmp_path / "rules.yaml").write_text(rules)
    assert only("standby", context(tmp_path, live=live())).level is Level.ERROR
    assert only("standby", context(tmp_path, live=live(there=["trunk"]))).level is Level.OK
    (tmp_path / "rules.yaml").write_text(rules.replace("0536-3221-555", "'sip:siaga@10.0.0.9'"))
    assert only("standby", context(tmp_path, live=live())).level is Level.OK
