import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from ivr.doctor.context import gather
from ivr.doctor.model import Level
from ivr.prompts.build import built_file
from ivr.prompts.positions import FILES
from ivr.prompts.sources import prompt_sources
from ivr.rulebook import status
from ivr.rulebook.history import Entry, How, digest_of
from ivr.rulebook.lastgood import history_of
from ivr.rulebook.status import Status
from ivr.settings import PROJECT, Settings
from tests.city import write_clips
from tests.doctor.installation import NOW, context, found, live, only, settings, worst


def accept(chosen: Settings) -> None:
    """What a controller leaves when it has taken the file."""
    content = chosen.rules_file.read_bytes()
    entry = Entry(digest_of(content), NOW, "budi", "abcd1234", How.SAVED)
    history = history_of(chosen)
    history.keep(content)
    history.accept(entry)
    status.write(history.folder, Status(entry))


def test_a_file_that_is_in_force_is_well(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    accept(chosen)
    assert only("rules", gather(chosen, NOW)).level is Level.OK


def test_a_file_that_nobody_took_yet_is_noted(tmp_path: Path) -> None:
    assert only("rules", gather(settings(tmp_path), NOW)).level is Level.NOTE


def test_a_file_changed_since_is_a_warning(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    accept(chosen)
    chosen.rules_file.write_text(chosen.rules_file.read_text() + "# catatan\n")
    finding = only("rules", gather(chosen, NOW))
    assert (finding.level, finding.remedy) == (Level.WARNING, "ivr rules reload")


@pytest.mark.parametrize("text", ["kota: [", "", None])
def test_a_file_that_cannot_be_used_is_an_error_and_the_rules_in_force_are_still_looked_at(
    text: str | None, tmp_path: Path
) -> None:
    chosen = settings(tmp_path)
    accept(chosen)
    if text is None:
        chosen.rules_file.unlink()
    else:
        chosen.rules_file.write_text(text)
    here = gather(chosen, NOW)
    assert only("rules", here).level is Level.ERROR
    assert here.rules is not None
    assert only("placeholders", here).level is Level.OK


def test_no_rules_at_all_is_an_error(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    chosen.rules_file.write_text("kota: [")
    here = gather(chosen, NOW)
    assert (here.rules, only("rules", here).level) == (None, Level.ERROR)


def test_warnings_about_the_rules_are_counted(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    text = chosen.rules_file.read_text()
    chosen.rules_file.write_text(text.replace("aturan:\n", "aturan:\n  - {kategori: semua, langkah: [damkar]}\n"))
    note = found("rules", gather(chosen, NOW))[-1]
    assert note.level is Level.NOTE
    assert "peringatan" in note.text


@pytest.mark.parametrize(("held", "expected"), [("abcd1234", Level.OK), ("00000000", Level.ERROR), ("", Level.ERROR)])
def test_asterisk_must_hold_the_rules_in_force(held: str, expected: Level, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    accept(chosen)
    told = status.read(history_of(chosen).folder)
    assert only("generation", context(tmp_path, live=live(generation=held), told=told)).level is expected


def test_numbers_of_examples_are_a_warning(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    context(tmp_path)
    rules.write_text(rules.read_text().replace("polresta: {akun: polresta,", "polresta: {telepon: 0536-0000-555,"))
    finding = only("placeholders", context(tmp_path, {"demo": True}))
    assert finding.level is Level.WARNING
    assert "polresta" in finding.text


def test_hours_without_an_agency_are_found_for_the_next_seven_days(tmp_path: Path) -> None:
    assert only("coverage", context(tmp_path)).level is Level.OK
    rules = tmp_path / "rules.yaml"
    text = rules.read_text().replace("instansi:", "piket: {p: [{jam: 08:00-16:00, jalur: polresta}]}\ninstansi:")
    rules.write_text(text.replace("Polresta, jalur: polresta", "Polresta, piket: p"))
    emergency, agency = found("coverage", context(tmp_path))
    assert (emergency.level, agency.level) == (Level.WARNING, Level.NOTE)
    assert "112 jam" in agency.text  # 16 hours of each of the seven days


def test_a_gap_that_begins_in_eight_days_is_not_told_yet(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    context(tmp_path)
    closed = (NOW + timedelta(days=8)).date().isoformat()
    roster = f"piket: {{p: {{mingguan: [{{jalur: polresta}}], tanggal: {{{closed}: tutup}}}}}}\ninstansi:"
    text = rules.read_text().replace("instansi:", roster)
    rules.write_text(text.replace("Polresta, jalur: polresta", "Polresta, piket: p"))
    assert only("coverage", context(tmp_path)).level is Level.OK
    assert worst("coverage", context(tmp_path, now=NOW + timedelta(days=5))) is Level.WARNING


def test_prompts_are_looked_at_as_the_rules_in_force_want_them(tmp_path: Path) -> None:
    here = context(tmp_path)
    shutil.copy(PROJECT / "recordings" / "prompts.yaml", tmp_path)
    assert here.rules is not None
    sources = prompt_sources(here.rules, here.settings.prompts)
    missing = only("prompts", here)
    assert (missing.level, missing.remedy) == (Level.ERROR, "ivr prompts build")
    (sources.built_folder / "digits").mkdir(parents=True)
    write_clips(sources.built_folder, [FILES.get(id_, id_) for id_ in sources.prompts()])
    assert only("prompts", here).level is Level.WARNING  # of other content than the catalogue's
    built_file(sources.built_folder, "greeting").unlink()
    assert [finding.level for finding in found("prompts", here)] == [Level.ERROR, Level.WARNING]
    sources.studio_folder.mkdir()
    (sources.studio_folder / "greting.wav").touch()
    assert found("prompts", here)[-1].level is Level.NOTE


def test_a_catalogue_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "prompts.yaml").write_text("tetap: [")
    assert only("prompts", context(tmp_path)).level is Level.ERROR
