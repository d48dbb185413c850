from pathlib import Path

from ivr.asterisk.music import announcements_file, areas_spoken, fixed_file
from ivr.rules import load_rules
from tests.asterisk.reading import sections
from tests.city import SHIPPED, SYSTEM_TEST

PROMPTS = Path("/srv/p")


def playlists(city: Path | str) -> dict[str, list[str]]:
    """Class -> names of the clips."""
    found = {}
    text = fixed_file(PROMPTS) + announcements_file(load_rules(city), "new", PROMPTS)
    for name, pairs in sections(text).items():
        (mode, how), *entries = pairs
        assert (mode, how) == ("mode", "playlist")
        assert {key for key, _ in entries} == {"entry"}
        assert all(Path(path).parent == PROMPTS for _, path in entries)
        found[name] = [Path(path).name for _, path in entries]
    return found


def test_a_caller_hears_what_was_understood_and_who_is_called_then_the_ringing_tone() -> None:
    assert playlists(SHIPPED)["new-layanan_kota-62_71_03-dishub"] == [
        "category-layanan-kota",
        "area-62-71-03",
        "to-dishub",
        "understood-wrong",
        "ringback",
        "ringback",
    ]


def test_without_a_place_only_the_category_is_read_back() -> None:
    assert playlists(SYSTEM_TEST)["new-lampu-any-dishub"][:2] == ["category-lampu", "to-dishub"]


def test_a_kelurahan_is_read_back_where_the_rules_tell_them_apart() -> None:
    found = playlists(SYSTEM_TEST)
    assert found["new-keamanan-62_71_03_1002-damkar_pos"][1] == "kelurahan-62-71-03-1002"
    assert found["new-keamanan-62_71_03_1001-polresta"][1] == "kelurahan-62-71-03-1001"


def test_only_areas_a_caller_can_choose_are_spoken() -> None:
    rules = load_rules(SYSTEM_TEST)
    assert areas_spoken(rules) == ["62.71.01", "62.71.03", "62.71.03.1001", "62.71.03.1002"]
    assert areas_spoken(load_rules(SHIPPED)) == ["62.71.01", "62.71.02", "62.71.03", "62.71.04", "62.71.05"]


def test_a_line_named_in_a_step_is_announced_as_its_agency_and_one_of_nobody_as_an_officer() -> None:
    text = SYSTEM_TEST.read_text(encoding="utf-8")
    text = text.replace("langkah: [damkar, damkar_pos]", "langkah: [damkar_1, siaga]")
    found = playlists(text)
    assert found["new-kebakaran-62_71_01-damkar"][2] == "to-damkar"
    assert found["new-kebakaran-62_71_01-officer"][2] == "lifeline"


def test_every_playlist_goes_on_with_sound_after_the_words_so_that_nobody_waits_in_silence() -> None:
    for entries in [*playlists(SHIPPED).values(), *playlists(SYSTEM_TEST).values()]:
        assert {"ringback", "comfort"} & set(entries)


def test_a_silent_caller_is_told_that_somebody_listens() -> None:
    assert playlists(SHIPPED)["operators-silent"][0] == "report-silent"
