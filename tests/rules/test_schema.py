import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from typer.testing import CliRunner

from ivr.rules import RulesError, fields, load_rules, written
from ivr.rules.document import read
from ivr.rules.fields import ID
from ivr.rules.files_cli import SCHEMA_FILE, add_commands
from ivr.rules.parts import Part
from ivr.rules.schema import schema, schema_text
from ivr.rules.week import parse_until
from tests.rules.conftest import SHIPPED, SMALL

PROJECT = Path(__file__).parents[2]
FILES = [SHIPPED, *sorted(file for file in (PROJECT / "examples").glob("*.yaml") if ".tests" not in file.name)]
VALIDATOR = Draft7Validator(schema())

CORE = (  # YAML 1.2, 10.3.2: how an editor reads plain scalars
    (re.compile("null|Null|NULL|~|"), lambda _: None),
    (re.compile("true|True|TRUE|false|False|FALSE"), lambda text: text.lower() == "true"),
    (re.compile("[-+]?[0-9]+"), int),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
)


def as_an_editor(node: yaml.Node | None) -> Any:
    """The data of a YAML node by the core schema; keys of maps are always text."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: as_an_editor(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [as_an_editor(item) for item in node.value]
    assert isinstance(node, yaml.ScalarNode)
    if node.style is None:
        for pattern, make in CORE:
            if pattern.fullmatch(node.value):
                return make(node.value)
    return node.value


def complaints(text: str) -> list[str]:
    return [error.json_path for error in VALIDATOR.iter_errors(as_an_editor(yaml.compose(text, yaml.BaseLoader)))]


def test_it_is_a_json_schema_and_the_one_that_editors_are_given() -> None:
    Draft7Validator.check_schema(schema())
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()


def test_the_command_prints_it() -> None:
    app = typer.Typer()
    add_commands(app, lambda: SHIPPED)
    assert json.loads(CliRunner().invoke(app, ["schema"]).output) == schema()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_shipped_file_is_good_for_editors_and_names_the_schema(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert complaints(text) == []
    assert list(VALIDATOR.iter_errors(read(text).data)) == []
    first = text.split("\n", 1)[0].removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / first).resolve() == SCHEMA_FILE


MORE = (
    ("zona: Asia/Makassar}", "zona: Asia/Makassar, desa: nagari, libur: {2026-12-25: Natal}}"),
    (
        "operator: {akun: [op_1, op_2]}",
        """\
tetangga:
  sebelah: {nama: 112 Sebelah, telepon: sip:112@contoh.go.id, terima: tombol, detik: 30}
nasional:
  polri: {nama: Polri, telepon: 110}
operator: {akun: op_1, detik: 40}""",
    ),
    (
        "  kantor:\n    - {hari: senin-jumat, jam: 08:00-16:00, jalur: kantor}\n",
        """\
  kantor:
    mingguan:
      - {hari: [senin-kamis, Jumat, kecuali libur], jam: 8.00-16.00, jalur: [kantor], petugas: Budi}
    tanggal:
      2026-12-24: [{jam: 24 jam, jalur: kantor}]
      2026-12-31 s.d. 2027-01-01: tutup
    pengganti:
      - {jalur: kantor, oleh: pos_siang, petugas: 7, mulai: 2026-11-22 08:00, sampai: senin 08:00}
""",
    ),
    (
        "siaga_24_jam: siaga\n",
        """\
siaga_24_jam: [siaga]
kebijakan:
  bahasa: id
  operator_dahulu: ya
  diam: ulangi
  iseng: {panggilan: 6, menit: 30}
  luapan: {antrean: 10, jalur: polri}
""",
    ),
)


def test_every_way_to_write_something_is_good_for_editors() -> None:
    text = SMALL
    for usual, other in MORE:
        assert usual in text
        text = text.replace(usual, other)
    load_rules(text)
    assert complaints(text) == []


def test_what_may_be_empty_is_good_for_editors() -> None:
    text = SMALL.replace("alias: [Lor]", "alias:").replace("      99.01.01.1001: Utara\n", "").replace(
        "    kelurahan:\n      99.01.01.1002: Pasar\n", "    kelurahan:\n    posisi: -3.9612, 122.5123\n"
    )  # fmt: skip
    load_rules(text)
    assert complaints(text) == []


@pytest.mark.parametrize(
    ("good", "bad", "path"),
    [
        ("kota:", "kotaa:", "$"),
        ("tombol: 1, nama: Kebakaran", "tombol: 0, nama: Kebakaran", "$.kategori.api.tombol"),
        ("tombol: 1, nama: Kebakaran", "tombol: '10', nama: Kebakaran", "$.kategori.api.tombol"),
        ("tombol: 1, nama: Kebakaran", "nama: Kebakaran", "$.kategori.api"),
        ("darurat: tidak", "darurat: no", "$.kategori.sampah.darurat"),
        ("darurat: tidak", "darurat: tidak, warna: merah", "$.kategori.sampah"),
        ("Asia/Makassar", "Asia/Makasar", "$.kota.zona"),
        ("kode: 99.01", "kode: '9901'", "$.kota.kode"),
        ("  99.01.02:", "  99.01.2:", "$.wilayah"),
        ("detik: 25", "detik: 301", "$.jalur.pos_malam.detik"),
        ("telepon: 0213455670", "telepon: kantor", "$.jalur.kantor.telepon"),
        ("telepon: 0213455670", "terima: tombol", "$.jalur.kantor"),
        ("akun: pos_siang", "akun: pos_siang, telepon: 110", "$.jalur.pos_siang"),
        ("terima: langsung", "terima: otomatis", "$.jalur.kantor.terima"),
        ("jam: 08:00-16:00", "jam: 08:00", "$.piket.kantor[0].jam"),
        ("hari: senin-jumat", "hari: senin-jumaat", "$.piket.kantor[0].hari"),
        ("akun: [op_1, op_2]", "akun: []", "$.operator.akun"),
        ("langkah: [damkar]", "langkah: []", "$.aturan[1].langkah"),
        ("langkah: [damkar]", "langkah: [[[damkar]]]", "$.aturan[1].langkah[0][0]"),
        ("siaga_24_jam: siaga", "", "$"),
        ("nama: Damkar", "nama: ''", "$.instansi.damkar.nama"),
    ],
)
def test_what_the_rules_refuse_an_editor_underlines(good: str, bad: str, path: str) -> None:
    assert good in SMALL
    text = SMALL.replace(good, bad, 1)
    with pytest.raises(RulesError):
        load_rules(text)
    assert set(complaints(text)) == {path}


def all_parts() -> list[type[Part]]:
    found, rest = [], [Part]
    while rest:
        subclasses = rest.pop().__subclasses__()
        found += [part for part in subclasses if part.__module__.startswith("ivr.")]
        rest += subclasses
    return found


def objects(node: Any) -> list[dict[str, Any]]:
    """Every map in the schema that lists its keys."""
    below = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = [node] if isinstance(node, dict) and "properties" in node and "additionalProperties" in node else []
    return own + [found for one in below for found in objects(one)]


def test_every_part_is_in_it_closed_with_every_key_described() -> None:
    known = {frozenset(one["properties"]): one for one in objects(schema())}
    for part in all_parts():
        fields_of = {field.alias or name: field for name, field in part.model_fields.items() if field.alias != ID}
        if part.__name__ in {"Timed", "DatedRoster"}:  # written as a part of others
            continue
        described = known[frozenset(fields_of)]
        assert described["additionalProperties"] is False
        assert described.get("required", []) == [key for key, field in fields_of.items() if field.is_required()]
        for key, field in fields_of.items():
            text = described["properties"][key]["description"]
            assert field.is_required() or "Bawaan: " in text or "(atau " in text


def test_a_default_is_written_as_the_file_would_have_it() -> None:
    keys = schema()["properties"]
    line = keys["jalur"]["patternProperties"][r"^[a-z][a-z0-9_]{0,30}$"]["properties"]
    assert (line["terima"]["default"], line["detik"]["default"]) == ("tombol", 20)
    rule = keys["aturan"]["items"]["properties"]
    assert (rule["wilayah"]["default"], rule["hari"]["default"], rule["jam"]["default"]) == (
        "semua",
        "setiap hari",
        "24 jam",
    )


LEAVES = {
    name: (reader.func, spelled.json_schema)
    for name, kind in vars(fields).items()
    for metadata in [getattr(kind, "__metadata__", ())]
    for reader in [next((one for one in metadata if isinstance(one, BeforeValidator)), None)]
    for spelled in [next((one for one in metadata if isinstance(one, WithJsonSchema)), None)]
    if reader and spelled and spelled.json_schema
}
FRAGMENTS = [
    *("senin", "Jum'at", "jumat", "ahad", "libur", "setiap hari", "kecuali libur", " kecuali libur", "24 jam"),
    *(
        "-",
        " - ",
        "–",
        ",",
        ", ",
        " ",
        ".",
        ":",
        "7",
        "07:00",
        "24:00",
        "7.30",
        "2026-12-25",
        " s.d. ",
        " sampai ",
        "+",
    ),
    *("0536", "0812-3456", "(0", ")", "sip:", "SIP:a@b.id", "/14", "110", "3221113", "-2.2", "113.9", "ya", "tombol"),
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=5).map("".join)


@pytest.mark.parametrize("name", LEAVES)
@given(TEXTS)
def test_what_the_rules_read_an_editor_never_underlines(name: str, text: str) -> None:
    reader, spelled = LEAVES[name]
    try:
        reader(text)  # type: ignore[call-arg]
    except PydanticCustomError:
        return
    assert Draft7Validator(spelled).is_valid(text)


@given(TEXTS)
def test_whatever_ends_a_replacement_an_editor_never_underlines(text: str) -> None:
    try:
        parse_until(text, datetime(2026, 11, 22))  # noqa: DTZ001
    except ValueError:
        return
    assert Draft7Validator(written.UNTIL.json_schema or False).is_valid(text)
