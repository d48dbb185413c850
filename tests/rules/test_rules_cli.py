import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from ivr.rules.cli import Decision, RulesSources, commands
from tests.rules.conftest import SMALL

RUN = CliRunner()
PLACEHOLDER = SMALL.replace("telepon: 0213455670", "telepon: 0401-0000-101")
FIRST_RULE = SMALL.splitlines().index("aturan:") + 2
GAP = "  - {kategori: api, langkah: [dlh]}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kota.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def decided(call: str) -> Decision | None:
    at = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    texts = {"lama": SMALL.replace("nama: Damkar", "nama: Damkar Lama"), "rusak": "kota: x"}
    return Decision(call, texts[call], "ab" * 32, "api", "99.01.02.1001", at) if call in texts else None


def app(file: Path, demo: bool = True) -> typer.Typer:
    return commands(lambda: RulesSources(file, demo, decided))


def run(file: Path, *words: str, demo: bool = True) -> Result:
    return RUN.invoke(app(file, demo), words, env={"COLUMNS": "80"})


def said(file: Path, *words: str, code: int = 0) -> str:
    done = run(file, *words)
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.output


def test_nothing_is_asked_of_the_installation_before_a_command_runs() -> None:
    def sources() -> RulesSources:
        raise AssertionError("asked")

    for word in ("check", "explain", "test", "coverage"):
        done = RUN.invoke(commands(sources), [word, "--help"])
        assert done.exit_code == 0
        assert "Example" in done.output


# check


def test_a_good_file_is_said_to_be_usable(file: Path) -> None:
    assert said(file, "check").endswith(f"{file}: dapat dipakai\n")


def test_every_problem_is_told_with_line_and_column(file: Path) -> None:
    file.write_text(SMALL.replace("piket: pos}", "piket: poss}").replace("jam: 07:00-21:00", "jam: 7"))
    lines = said(file, "check", code=1).splitlines()
    wrong = [
        number
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if ": poss" in line or ": 7," in line
    ]
    assert [line.partition(", kolom ")[0] for line in lines[:-1]] == [f"baris {number}" for number in wrong]
    assert lines[-1] == f"{file}: tidak dapat dipakai"


def test_warnings_are_told_and_do_not_refuse_the_file(file: Path) -> None:
    file.write_text(SMALL.replace("  siaga: {akun", "  sisa: {akun: sisa}\n  siaga: {akun"))
    assert "jalur `sisa` tidak dipakai siapa pun" in said(file, "check")
    found = json.loads(said(file, "check", "--json"))
    assert found["problems"] == []
    assert {"line", "column", "text", "remedy"} <= set(found["warnings"][0])


def test_placeholder_numbers_are_problems_outside_a_demonstration(file: Path) -> None:
    file.write_text(PLACEHOLDER)
    assert run(file, "check").exit_code == 0
    refused = run(file, "check", demo=False)
    assert refused.exit_code == 1
    assert "nomor contoh" in refused.output


def test_another_file_can_be_checked(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "lain.yaml"
    other.write_text("kota: x")
    found = json.loads(run(file, "check", str(other), "--json").stdout)
    assert found["problems"]


# explain


@pytest.mark.parametrize("category", ["api", "API", "Kebakaran", "asap"])
@pytest.mark.parametrize("area", ["99.01.02.1001", "Pantai", "pesisir", "Pantai - Selatan"])
def test_category_and_area_are_found_by_any_of_their_names(file: Path, category: str, area: str) -> None:
    told = said(file, "explain", "--category", category, "--area", area, "--at", "2026-12-24 23:30")
    assert told.startswith("Kebakaran, Pantai - Selatan (99.01.02.1001)\nKamis 24 Desember 2026 pukul 23:30 WITA\n")
    assert f"Aturan ke-1 (baris {FIRST_RULE}) yang dipakai: api di Pantai," in told


def test_without_a_category_an_area_and_a_time_the_plan_of_now_is_explained(file: Path) -> None:
    told = said(file, "explain")
    assert told.startswith("Kategori tidak diketahui, wilayah belum diketahui\n")
    assert str(datetime.now(UTC).year) in told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--category", "apii"), "kategori `apii` tidak ada. Maksud Anda `api`?"),
        (("--area", "Pasarr"), "wilayah `Pasarr` tidak ada. Maksud Anda `Pasar`?"),
        (("--at", "besok"), '`besok` bukan waktu. Tulis misalnya "2026-12-24 23:30" atau "senin 22:30".'),
        (("--call", "lama", "--at", "senin 22:30"), "--call sudah menyebut kategori"),
    ],
)
def test_a_question_that_cannot_be_answered_is_wrong_use(file: Path, words: tuple[str, ...], sentence: str) -> None:
    done = run(file, "explain", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr


def test_an_unclear_area_is_answered_with_the_choice(tmp_path: Path, file: Path) -> None:
    file.write_text(SMALL.replace("99.01.02.1001: {", "99.01.02.1002: Pasar\n      99.01.02.1001: {"))
    assert said(file, "explain", "--area", "Pasar", code=2) == (
        "Ada beberapa wilayah bernama `Pasar`. Tulis kodenya:\n"
        "  99.01.01.1002  Pasar - Utara\n"
        "  99.01.02.1002  Pasar - Selatan\n"
    )


def test_an_explanation_is_told_as_data(file: Path) -> None:
    found = json.loads(
        said(file, "explain", "--category", "sampah", "--area", "Utara", "--at", "minggu 10:00", "--json")
    )
    assert (found["category"], found["area"], found["number"], found["line"]) == (
        "sampah",
        "99.01.01",
        3,
        FIRST_RULE + 2,
    )
    assert found["ordinary"] is True
    kinds = [(stage["kind"], [one["line"] for one in stage["ringers"]]) for stage in found["stages"]]
    assert kinds == [
        ("lines", []),
        ("operators", ["op_1", "op_2"]),
        ("lines", ["pos_siang"]),
        ("operators", ["op_1", "op_2"]),
        ("fallback", ["siaga"]),
    ]
    assert found["stages"][0]["absent"][0]["name"] == "dlh"


def test_another_file_can_be_explained(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "lain.yaml"
    other.write_text(SMALL.replace("nama: Kebakaran", "nama: Kebakaran lain"))
    assert said(file, "explain", "--category", "api", "--file", str(other)).startswith("Kebakaran lain, ")


def test_a_past_call_is_explained_by_the_rules_that_decided_it(file: Path) -> None:
    told = said(file, "explain", "--call", "lama")
    assert told.startswith(
        "Panggilan lama, menurut aturan abababababab yang memutuskannya.\nKebakaran, Pantai - Selatan"
    )
    assert "Senin 23 November 2026 pukul 07:30 WITA" in told
    assert "pos_siang: piket pos, " in told


@pytest.mark.parametrize(
    ("call", "sentence"), [("entah", "Panggilan `entah` tidak dikenal"), ("rusak", "tidak terbaca lagi:\nbaris 1")]
)
def test_a_past_call_that_cannot_be_explained_says_why(file: Path, call: str, sentence: str) -> None:
    assert sentence in said(file, "explain", "--call", call, code=1)


@pytest.mark.parametrize("words", [("explain",), ("coverage",)])
def test_rules_that_cannot_be_used_are_told_with_their_problems(file: Path, words: tuple[str, ...]) -> None:
    file.write_text("kota: x")
    done = run(file, *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{file}: tidak dapat dipakai\nbaris 1, kolom ")


# test


def expect(file: Path, *rows: str) -> Path:
    path = file.with_name("kota.tests.yaml")
    path.write_text("\n".join(["aturan: kota.yaml", "harapan:", *(f"  - {row}" for row in rows)]), encoding="utf-8")
    return path


MET = "{kategori: api, pada: senin 10:00, berdering: [pos_siang]}"
UNMET = "{kategori: api, pada: senin 10:00, berdering: [pos_malam]}"


def test_the_expectations_beside_the_rules_are_examined(file: Path) -> None:
    expect(file, MET, MET)
    assert said(file, "test") == "2 harapan, semua terpenuhi\n"


def test_an_expectation_that_is_not_met_is_told_and_refuses(file: Path) -> None:
    path = expect(file, MET, UNMET)
    first, summary = said(file, "test", code=1).splitlines()
    assert first.startswith(
        f"{path}:4: api, wilayah belum diketahui, senin 10:00: diharapkan pos_malam; yang berdering"
    )
    assert summary == "2 harapan, 1 tidak terpenuhi"


def test_expectations_are_told_as_data(file: Path) -> None:
    path = expect(file, MET, UNMET)
    done = run(file, "test", str(path), "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert (found["expectations"], [one["line"] for one in found["failed"]]) == (2, [4])


def test_a_wrong_sheet_is_told_with_its_name_and_its_problems(file: Path) -> None:
    path = expect(file, "{kategori: api}")
    done = run(file, "test")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{path}: tidak dapat dipakai\nbaris 3, kolom 5: ")
    assert json.loads(run(file, "test", "--json").stdout)["problems"][0]["line"] == 3


def test_a_sheet_for_wrong_rules_says_that_the_rules_are_wrong(file: Path) -> None:
    expect(file, MET)
    file.write_text("kota: x")
    assert said(file, "test", code=1).startswith(f"{file}: tidak dapat dipakai\nbaris 1, kolom ")


def test_rules_given_instead_of_expectations_are_called_what_they_are(file: Path) -> None:
    done = run(file, "test", str(file))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        f"{file}: tidak dapat dipakai\n"
        "baris 1, kolom 1: ini berkas aturan, bukan berkas harapan. Sebutkan berkas harapannya (.tests.yaml); "
        "aturan ini diuji dengan `ivr rules test --rules BERKAS`.\n"
    )
    assert json.loads(run(file, "test", str(file), "--json").stdout)["problems"][0]["where"] == "kota"


def test_a_sheet_that_names_no_rules_is_not_called_rules(file: Path) -> None:
    path = expect(file, MET)
    path.write_text(path.read_text().replace("aturan: kota.yaml\n", ""))
    assert "`aturan` belum ditulis" in said(file, "test", code=1)


def test_a_sheet_that_is_not_there_is_named(file: Path) -> None:
    assert "tidak dapat dibaca (No such file or directory)" in said(file, "test", code=1)


# coverage


def test_coverage_without_gaps_in_emergencies_is_well(file: Path) -> None:
    told = said(file, "coverage", "--from", "2026-11-23", "--days", "7")
    assert told.startswith("23 November 2026 s.d. 29 November 2026, jam kota Kota Contoh\n")
    assert "dlh (DLH): 128 jam tanpa petugas" in told
    assert "Kategori (jam yang hanya ada operator)\nLengkap: Kebakaran.\n" in told
    assert "\x1b" not in told


def test_an_emergency_without_an_agency_is_not_well(file: Path) -> None:
    file.write_text(SMALL.replace("  - {kategori: api, langkah: [damkar]}\n", GAP))
    told = said(file, "coverage", "--from", "2026-11-23", "--days", "7", code=1)
    assert "\nKebakaran (Utara, Selatan): 128 jam tanpa instansi\n" in told
    assert "Lengkap: Kebakaran (Pantai - Selatan)." in told


def test_the_coverage_of_a_draft_is_shown_without_the_citys_file(file: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draf.yaml"
    draft.write_text(SMALL.replace("  - {kategori: api, langkah: [damkar]}\n", GAP))
    words = ("coverage", "--from", "2026-11-23", "--days", "7")
    assert run(file, *words).exit_code == 0
    assert "Kebakaran (Utara, Selatan): 128 jam tanpa instansi" in said(file, *words, "--file", str(draft), code=1)
    draft.write_text("kota: x")
    assert said(file, *words, "--file", str(draft), code=1).startswith(f"{draft}: tidak dapat dipakai\nbaris 1")


def test_only_what_was_asked_is_shown_and_an_agency_alone_is_always_well(file: Path) -> None:
    file.write_text(SMALL.replace("  - {kategori: api, langkah: [damkar]}\n", GAP))
    words = ("coverage", "--from", "2026-11-23", "--days", "7", "--json")
    assert [one["id"] for one in json.loads(said(file, *words, "--agency", "dlh"))] == ["dlh"]
    trash = json.loads(said(file, *words, "--category", "Sampah"))
    assert {(one["id"], one["emergency"]) for one in trash} == {("sampah", False)}
    assert run(file, *words, "--category", "api").exit_code == 1


def test_coverage_begins_today_when_no_day_is_given(file: Path) -> None:
    found = json.loads(said(file, "coverage", "--agency", "dlh", "--json"))
    began = datetime.fromisoformat(found[0]["gaps"][0]["from"])
    assert abs((began - datetime.now()).total_seconds()) < 3 * 86400  # noqa: DTZ005


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--from", "besok"), "`besok` bukan tanggal. Tulis misalnya 2026-12-25."),
        (("--agency", "dlhh"), "Maksud Anda `dlh`?"),
        (("--category", "apii"), "Maksud Anda `api`?"),
    ],
)
def test_coverage_of_what_does_not_exist_is_wrong_use(file: Path, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in said(file, "coverage", *words, code=2)
