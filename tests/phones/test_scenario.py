from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ivr.phones.scenario import Scenario, agency, caller, raw, rejecting_agency, silent_agency


@pytest.mark.parametrize(
    "scenario",
    [
        caller(name=']]> <a> & "b"', headers=["X: [call_id] ]]>"]).press("1").hang_up(),
        caller().silence(1).until_hung_up(5),
        agency().press("2").until_hung_up(),
        agency().hang_up(),
        rejecting_agency(486),
        silent_agency(),
    ],
)
def test_every_scenario_is_well_formed(scenario: Scenario) -> None:
    assert ET.fromstring(scenario.xml(Path("a & b.pcap"))).tag == "scenario"  # noqa: S314 our own text


def test_no_keyword_of_sipp_hides_in_raw_text() -> None:
    assert raw("[call_id]\\n") == "\\x5bcall\\x5fid\\x5d\\x5cn" or "[" not in raw("[call_id]\\n")
    assert raw("a\r\nB: ü") == "a\\x0d\\x0aB: \\xc3\\xbc"


def test_the_number_of_the_call_can_be_in_any_text() -> None:
    assert raw("+62812{call}") == "+62812[call_number]"


def test_quotes_in_a_name_are_escaped_as_sip_wants() -> None:
    assert r'From: "a\x5c"b" <sip:' in caller(name='a"b').opening


def test_a_whole_identity_replaces_name_and_number() -> None:
    assert 'From: "bro"ken <sip:@>;tag=' in caller(identity='"bro"ken <sip:@>').opening


def test_the_call_lasts_as_long_as_what_is_said() -> None:
    ending = caller().silence(2).press("12", gap=0.08, held=0.1).hang_up().ending
    assert '<pause milliseconds="2400"/>' in ending


def test_a_soundless_caller_plays_nothing() -> None:
    assert "play_pcap_audio" not in caller().silence(1).soundless().hang_up().xml(Path("x.pcap"))
