import pytest

from ivr.rules.document import MAX_BYTES, read
from ivr.rules.problems import Problem, RulesError


def only_problem(text: str) -> Problem:
    (problem,) = read(text).problems
    return problem


def refusal(text: str) -> Problem:
    with pytest.raises(RulesError) as raised:
        read(text)
    return raised.value.problems[0]


def test_every_scalar_stays_the_text_that_was_written() -> None:
    text = "a: 0213455670\nb: 14:00\nc: no\nd: 62.71\ne: ~\nf:\ng: 0x1F\nh: 2026-11-22\n<<: x\n"
    assert read(text).data == {
        "a": "0213455670",
        "b": "14:00",
        "c": "no",
        "d": "62.71",
        "e": "~",
        "f": "",
        "g": "0x1F",
        "h": "2026-11-22",
        "<<": "x",
    }


def test_every_value_and_key_knows_its_line_and_column() -> None:
    places = read("a:\n  b: [x, y]\n").places
    assert places["a", "b"].key == (2, 3)
    assert places["a", "b"].value == (2, 6)
    assert places["a", "b", 1].value == (2, 10)


def test_a_key_written_twice_is_told_at_its_second_line_and_the_first_value_stays() -> None:
    document = read("a: 1\nb: 2\na: {c: 3}\n")
    assert document.data == {"a": "1", "b": "2"}
    assert [(one.line, one.column) for one in document.problems] == [(3, 1)]
    assert "`a` ditulis dua kali" in document.problems[0].text


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: &x 1\n", 1, 4),
        ("a: &x [1]\n", 1, 4),
        ("a: !!str 1\n", 1, 4),
        ("a: ! 1\n", 1, 4),
        ("a: !!python/object/apply:os.system [ls]\n", 1, 4),
        ("? [a, b]\n: c\n", 1, 3),
        ("a: 'x\ty'\n", 1, 6),
        ("a: 1\n---\nb: 2\n", 2, 1),
    ],
)
def test_what_yaml_can_do_beyond_maps_lists_and_text_is_a_problem_with_its_place(
    text: str, line: int, column: int
) -> None:
    problem = only_problem(text)
    assert (problem.line, problem.column) == (line, column)
    assert problem.remedy


def test_an_alias_is_refused_and_never_expanded() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
    document = read(bomb)
    assert document.data == {"a": ["x", "x"], "b": ["", ""], "c": ["", ""]}
    assert len(document.problems) == 7


def test_a_tab_used_as_indent_is_named_as_a_tab() -> None:
    problem = refusal("a:\n\tb: 1\n")
    assert (problem.line, problem.column, problem.text) == (2, 1, "ada tanda tab")


def test_an_open_bracket_is_a_syntax_problem_with_a_place() -> None:
    problem = refusal("a: [1, 2\nb: 3\n")
    assert problem.line in (1, 2)
    assert "YAML" in problem.text


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "\n".join(" " * n + "- " for n in range(40))])
def test_a_bottomless_file_is_refused_at_once(text: str) -> None:
    assert "terlalu dalam" in refusal(text + "x").text


def test_a_file_over_one_mebibyte_is_refused() -> None:
    assert "1 MiB" in refusal("# " + "x" * MAX_BYTES).text


def test_text_that_is_no_unicode_is_refused() -> None:
    assert "UTF-8" in refusal("a: \ud800").text


@pytest.mark.parametrize("text", ['a: "\\UFFFFFFFF"', "a: \0", "a: \x1b"])
def test_letters_that_are_none_are_refused(text: str) -> None:
    assert refusal(text).remedy
