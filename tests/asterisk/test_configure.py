import re
import stat
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.asterisk.configure import SOURCE, directories, generated, write_configuration, write_generated
from ivr.asterisk.generation import generation
from ivr.asterisk.plan import plan_variables
from ivr.controller.script import CityScript
from ivr.dialogue import Understanding
from ivr.prompts.catalogue import catalogue, read_book
from ivr.prompts.sources import subjects_of
from ivr.rules import Rules, load_rules, route
from ivr.secrets import Secrets
from ivr.settings import PROJECT
from tests.asterisk.reading import dialplan, sections
from tests.city import SHIPPED, SYSTEM_TEST, settings_in
from tests.rules.conftest import examples
from tests.rules.random_files import files as random_files

CITIES = [SHIPPED, SYSTEM_TEST]
ANY_RULES = random_files().map(load_rules)
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 hypothesis adds it
EXTENSIONS = (SOURCE / "extensions.conf").read_text(encoding="utf-8")


@cache
def city(path: Path) -> Rules:
    return load_rules(path)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configuration")


def files(rules: Rules, folder: Path) -> dict[str, str]:
    return generated(rules, settings_in(folder), Secrets(folder / "secrets.json"))


# Everything that one generated part names stands in another.


def can_be_understood(rules: Rules, at: datetime) -> list[tuple[str | None, str | None]]:
    """Every (category, area) the questions can end with, whatever keys are pressed."""
    ends: list[tuple[str | None, str | None]] = []
    script, open_ = CityScript(rules, at), [Understanding()]
    while open_:
        known = open_.pop()
        ends.append((known.category, known.area))
        if question := script.next_question(known):
            keyed = [
                *question.choices,
                *(c for choice in question.choices if choice.then for c in choice.then.choices),
            ]
            open_ += [known.knowing(question.subject, choice.id, "key") for choice in keyed if not choice.then]
    return ends


def assert_nothing_dangles(rules: Rules, at: datetime, folder: Path) -> None:
    made = files(rules, folder)
    now = generation(rules, settings_in(folder))
    lines = dialplan(made["lines.conf"])[f"ring-line-{now}"]
    music = sections(made["musiconhold.conf"])
    for category, area in can_be_understood(rules, at):
        for name, value in plan_variables(route(rules, category, area, at), category, area, now):
            if name.endswith("_MUSIC"):
                assert value in music, f"{category} in {area}: no music class {value}"
            if name.endswith("_DIAL") and value not in ("", "operators"):
                rung = [re.fullmatch(rf"Local/(\w+)@ring-line-{now}", part) for part in value.split("&")]
                assert all(match and match[1] in lines for match in rung), value
            if name.endswith("_LINES") or name == "TELL":
                assert set(value.split("&")) <= set(lines)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(CITIES), INSTANTS)
def test_every_line_and_every_music_class_of_a_plan_exists(folder: Path, path: Path, at: datetime) -> None:
    assert_nothing_dangles(city(path), at, folder)


@pytest.mark.thorough
@examples(40)
@given(ANY_RULES, INSTANTS)
def test_the_same_holds_for_any_rules_an_admin_may_write(folder: Path, rules: Rules, at: datetime) -> None:
    assert_nothing_dangles(rules, at, folder)


@examples(30)
@given(ANY_RULES | st.sampled_from(CITIES).map(city))
def test_the_lifeline_the_queue_and_the_globals_name_nothing_that_is_not_there(folder: Path, rules: Rules) -> None:
    made = files(rules, folder)
    now = generation(rules, settings_in(folder))
    lines = dialplan(made["lines.conf"])[f"ring-line-{now}"]
    everything = made["lifeline.conf"] + made["members.conf"] + made["lines.conf"]
    assert set(re.findall(r"Local/(\w+)@ring-line", everything)) <= set(lines)
    assert set(re.findall(r"@ring-line-(\w+)", everything)) == {now}
    music = sections(made["musiconhold.conf"])
    lifeline = dialplan(made["lifeline.conf"])
    named = [step for plan in lifeline[f"lifeline-plan-{now}"].values() for step in plan if "_MUSIC=" in step]
    assert {step.partition("=")[2].removesuffix(")") for step in named} <= set(music)
    assert set(lifeline[f"lifeline-duty-{now}"]) == {"s", *(category.id for category in rules.categories)}


@pytest.mark.parametrize("path", CITIES, ids=lambda path: path.stem)
def test_every_sound_that_is_named_has_a_text_in_the_catalogue(path: Path, folder: Path) -> None:
    rules = city(path)
    prompts = catalogue(read_book(PROJECT / "recordings" / "prompts.yaml"), subjects_of(rules))
    built = settings_in(folder).built_prompts
    music = sections(files(rules, folder)["musiconhold.conf"])
    entries = [Path(value) for pairs in music.values() for key, value in pairs if key == "entry"]
    assert {entry.parent for entry in entries} == {built}
    assert {entry.name for entry in entries} <= set(prompts)
    assert set(re.findall(r"\$\{PROMPTS\}/([a-z-]+)", EXTENSIONS)) <= set(prompts)


def test_the_hand_written_dialplan_uses_only_globals_and_music_that_are_generated(folder: Path) -> None:
    made = files(city(SHIPPED), folder)
    given = {name for name, _ in sections(f"[globals]\n{made['globals.conf']}")["globals"]}
    assert given == {"CONTROLLER", "PROMPTS", "RECORDINGS", "ZONE", "GENERATION"}
    taken_along = set(re.findall(r"[(,](\w+)=", dialplan(made["lines.conf"])["in-force"]["s"][0]))
    assert all(
        re.search(rf"\$\{{{name}\}}|IMPORT\(\$\{{CALLER\}},{name}\)", EXTENSIONS) for name in given | taken_along
    )
    fixed = set(re.findall(r"musicclass\)=([a-z-]+)\)", EXTENSIONS)) | {"operators", "operators-silent"}
    assert fixed <= set(sections(made["musiconhold.conf"]))


def test_every_included_file_is_generated(folder: Path) -> None:
    included = {
        name
        for source in SOURCE.glob("*.conf")
        for name in re.findall(r'^#include "generated/([\w.]+)"', source.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert included == set(files(city(SHIPPED), folder))


# A test call rings nobody.


def hand_written() -> dict[str, dict[str, list[str]]]:
    """Contexts of extensions.conf with their extensions' applications."""
    return dialplan(re.sub(r"(?m)^#include.*$", "", EXTENSIONS[EXTENSIONS.index("[from-trunk]\n") :]))


def test_a_test_call_leaves_the_questions_before_any_phone_is_rung() -> None:
    questions = hand_written()["emergency"]
    turn = 'GotoIf($["${TEST}"="yes"]?test-call,reply,1)'
    before = questions["s"][: questions["s"].index(turn)]
    assert not [
        step for step in before if re.search(r"\b(plan|lifeline|operators|ring|telling)\b,|Dial|Queue\(", step)
    ]
    assert questions["T"][-1] == "Goto(s,decided)"
    assert EXTENSIONS.index(" same => n(decided)") < EXTENSIONS.index(turn)


def test_nothing_but_the_servers_own_account_or_its_code_makes_a_test_call() -> None:
    steps = [
        (context, extension, step)
        for context, extensions in hand_written().items()
        for extension, all_steps in extensions.items()
        for step in all_steps
        if "Set(TEST=" in step or "test-call,mark" in step
    ]
    assert [where for *where, _ in steps] == [
        ["from-heartbeat", "112"],
        ["test-call", "recognise"],
        ["test-call", "mark"],
    ]


# The folder.


def test_the_folder_holds_asterisks_own_files_and_the_generated_ones(tmp_path: Path) -> None:
    given = settings_in(tmp_path, agi_port=4600, ami_port=5100, rtp_first=20000, rtp_last=20100)
    etc = write_configuration(city(SHIPPED), given, Secrets(tmp_path / "secrets.json"))
    assert etc == given.asterisk_etc
    assert (etc / "extensions.conf").read_text(encoding="utf-8") == EXTENSIONS
    assert "CONTROLLER = 127.0.0.1:4600\n" in (etc / "generated" / "globals.conf").read_text()
    assert (etc / "generated" / "manager_general.conf").read_text() == "bindaddr = 127.0.0.1\nport = 5100\n"
    assert (etc / "generated" / "rtp.conf").read_text() == "rtpstart = 20000\nrtpend = 20100\n"
    secret = Secrets(tmp_path / "secrets.json")["manager"]
    assert (etc / "generated" / "manager_controller.conf").read_text() == f"secret = {secret}\n"
    assert not list(etc.rglob("*.new"))


def test_asterisk_writes_only_below_the_state_directory(tmp_path: Path) -> None:
    given = settings_in(tmp_path)
    text = (
        write_configuration(city(SHIPPED), given, Secrets(tmp_path / "secrets.json")) / "asterisk.conf"
    ).read_text()
    assert text.startswith(directories(given))
    found = dict(sections(text)["directories"])
    shipped = {"astdatadir", "astsbindir", "astmoddir"}
    assert {Path(value).is_relative_to(given.state) for name, value in found.items() if name not in shipped} == {True}
    assert all(Path(found[name]).is_dir() for name in found if name not in shipped)
    assert given.cel_file.parent.is_dir()


def test_no_file_can_be_read_by_others_since_passwords_are_among_them(tmp_path: Path) -> None:
    etc = write_configuration(city(SHIPPED), settings_in(tmp_path), Secrets(tmp_path / "secrets.json"))
    modes = {stat.S_IMODE(path.stat().st_mode) for path in etc.rglob("*.conf")}
    assert modes == {0o400}


def test_writing_again_replaces_what_the_rules_no_longer_say(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets.json")
    write_configuration(city(SHIPPED), settings_in(tmp_path), secrets)
    etc = write_configuration(city(SYSTEM_TEST), settings_in(tmp_path), secrets)
    assert "bpbd" not in (etc / "generated" / "lines.conf").read_text()


def test_contexts_music_and_accounts_of_earlier_rules_stay_beside_the_newest(tmp_path: Path) -> None:
    given, secrets = settings_in(tmp_path), Secrets(tmp_path / "secrets.json")
    newest, earlier = city(SYSTEM_TEST), city(SHIPPED)
    new, old = generation(newest, given), generation(earlier, given)
    before = generated(earlier, given, secrets)
    made = generated(newest, given, secrets, [earlier, earlier, newest])
    contexts = {**dialplan(made["lines.conf"]), **dialplan(made["lifeline.conf"])}
    for name, steps in {**dialplan(before["lines.conf"]), **dialplan(before["lifeline.conf"])}.items():
        if name.endswith(old) and name not in (f"lines-{old}", f"lifeline-{old}"):  # the marks
            assert contexts[name] == steps
    assert f"ring-line-{new}" in contexts
    assert f"[ring-line]\ninclude => ring-line-{new}\ninclude => ring-line-{old}\n[" in made["lines.conf"]
    assert set(sections(before["musiconhold.conf"])) - {f"music-{old}"} < set(sections(made["musiconhold.conf"]))
    assert set(sections(before["pjsip.conf"])) - {f"pjsip-{old}"} < set(sections(made["pjsip.conf"]))
    assert re.findall(r"member => Local/(\w+)@ring-line/n", made["members.conf"]) == ["operator1", "operator2"]
    assert f"GENERATION = {new}\n" in made["globals.conf"]


@pytest.mark.parametrize(
    ("file", "end"),
    [
        ("globals.conf", "GENERATION = {}\n"),
        ("lines.conf", "[lines-{}]\nexten => s,1,NoOp()\n"),
        ("lifeline.conf", "[lifeline-{}]\nexten => s,1,NoOp()\n"),
        ("members.conf", "[queue-{}]\n"),
        ("pjsip.conf", "[pjsip-{}]\n"),
    ],
)
def test_every_file_that_is_reloaded_ends_in_a_mark_of_its_generation(file: str, end: str, folder: Path) -> None:
    now = generation(city(SHIPPED), settings_in(folder))
    assert files(city(SHIPPED), folder)[file].endswith(end.format(now))
    *_, (last, _) = sections(files(city(SHIPPED), folder)["musiconhold.conf"]).items()
    assert last == f"music-{now}"


def test_a_running_asterisk_keeps_the_dialplan_its_calls_stand_in(tmp_path: Path) -> None:
    given, secrets = settings_in(tmp_path), Secrets(tmp_path / "secrets.json")
    etc = write_configuration(city(SHIPPED), given, secrets)
    (etc / "extensions.conf").write_text("of the version that was started")
    write_generated(city(SYSTEM_TEST), given, secrets)
    assert (etc / "extensions.conf").read_text() == "of the version that was started"
    assert "bpbd" not in (etc / "generated" / "lines.conf").read_text()


def test_an_unwritable_place_is_the_systems_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, not a folder")
    with pytest.raises(OSError, match="state"):
        write_configuration(city(SHIPPED), settings_in(tmp_path), Secrets(tmp_path / "secrets.json"))


def test_the_downloaded_asterisks_modules_are_found_where_debian_puts_them(tmp_path: Path) -> None:
    modules = tmp_path / "cache" / "asterisk-root" / "usr/lib/riscv64-linux-gnu/asterisk/modules"
    modules.mkdir(parents=True)
    assert "astmoddir = /usr/lib/riscv64-linux-gnu/asterisk/modules\n" in directories(settings_in(tmp_path))
