import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.asterisk.agi_protocol import (
    MAX_ARGUMENT,
    MAX_LINE,
    CommandFailed,
    Quoted,
    clean,
    command_line,
    fitting,
    quote,
    read_reply,
)
from tests.asterisk.scripted import parse_args

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=2000)


@given(ANY_TEXT)
def test_any_text_is_one_line_and_reads_back_as_one_argument(text: str) -> None:
    line = command_line("SET VARIABLE", "NAME", text)
    assert line.count(b"\n") == 1
    assert len(line) <= MAX_LINE + 1
    assert parse_args(line[:-1].decode()) == ["SET", "VARIABLE", "NAME", fitting(clean(text))][: 3 + bool(text)]


@given(ANY_TEXT)
def test_a_quoted_text_is_never_longer_than_allowed_and_never_cut_without_need(text: str) -> None:
    quoted = quote(text)
    assert len(quoted.encode()) <= MAX_ARGUMENT + 2
    assert parse_args(quoted) == [fitting(clean(text))]
    if len(clean(text).encode()) <= MAX_ARGUMENT // 2:
        assert fitting(clean(text)) == clean(text)


@given(ANY_TEXT)
def test_a_cleaned_text_is_encodable_and_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    clean(text).encode()


def test_text_of_every_alphabet_passes_as_it_is() -> None:
    text = "Nusaniwe ꦗꦮ 安 \U0001f525 ${EXTEN} $[1+1] a&b"
    assert parse_args(quote(text)) == [text]


def test_empty_arguments_at_the_end_are_left_out_but_quoted_ones_are_kept() -> None:
    assert command_line("HANGUP", "") == b"HANGUP\n"
    assert command_line("STREAM FILE", "a", Quoted('""')) == b'STREAM FILE "a" ""\n'
    assert command_line("GET DATA", "", 1000) == b'GET DATA "" "1000"\n'


def test_a_long_line_is_refused() -> None:
    with pytest.raises(CommandFailed):
        command_line("NOOP", *["x" * 500] * 5)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("200 result=0", {"result": ("0", "")}),
        ("200 result=", {"result": ("", "")}),
        ("200 result= (timeout)", {"result": ("", "timeout")}),
        ("200 result=1 ()", {"result": ("1", "")}),
        ("200 result=1 (a) (b) endpos=x)", {"result": ("1", "a) (b) endpos=x")}),
        ("200 result=35 (dtmf) endpos=9280", {"result": ("35", "dtmf"), "endpos": ("9280", "")}),
        (
            '200 result=1 (speech) endpos=0 results=1 score0=90 text0="kebakaran rumah" grammar0=kategori',
            {
                "result": ("1", "speech"),
                "endpos": ("0", ""),
                "results": ("1", ""),
                "score0": ("90", ""),
                "text0": ("kebakaran rumah", ""),
                "grammar0": ("kategori", ""),
            },
        ),
    ],
)
def test_every_form_of_a_good_answer_is_read(line: str, fields: dict[str, tuple[str, str]]) -> None:
    assert read_reply(iter([line])).fields() == fields
