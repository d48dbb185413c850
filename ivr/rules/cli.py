"""`ivr rules check, explain, test, coverage`: what a rules file says, and whether that is what was meant."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from ivr.messages import say
from ivr.rules import tree
from ivr.rules.coverage import Cover, agencies_cover, categories_cover
from ivr.rules.coverage_words import cover_as_json, show
from ivr.rules.document import read
from ivr.rules.expect import examine
from ivr.rules.expect_file import Sheet, area_names, expectations, open_sheet
from ivr.rules.expect_words import in_sentences, outcomes_as_json
from ivr.rules.explain import explain
from ivr.rules.explain_words import in_words
from ivr.rules.load import file_text, load_rules
from ivr.rules.model import Rules
from ivr.rules.moments import read_moment
from ivr.rules.problems import Finding, Problem, RulesError, problem, shown
from ivr.rules.week import parse_date

NO, WRONG_USE = 1, 2  # exit codes
TESTS = ".tests.yaml"

EXPLAIN_HELP = """Explain who is rung for a category in an area at a moment, and why. Without --at: now.

Examples:

  ivr rules explain --category kebakaran --area "Menteng" --at "2026-12-24 23:30"

  ivr rules explain --category medis --at "senin 22:30"

  ivr rules explain --call ivr112-1763800000.12

Exit codes: 0, 1 the rules cannot be used or the call is unknown, 2 no such category, area or time.
"""

TEST_HELP = """Hold the rules against what is expected of them; without FILE the .tests.yaml beside the rules file.

Examples:

  ivr rules test routing_rules.tests.yaml

  ivr rules test --rules draft.yaml

Exit codes: 0 every expectation is met, 1 one is not, or a file cannot be used.
"""

COVERAGE_HELP = """Show the hours when nobody of an agency is on duty, and when an emergency finds only operators.

Without --agency and --category all agencies that have a roster and all emergencies are shown.

Examples:

  ivr rules coverage --days 30

  ivr rules coverage --from 2026-12-21 --days 14 --agency damkar

  ivr rules coverage --file draft.yaml

Exit codes: 0, 1 an emergency has an hour without an agency, 2 no such agency, category or date.
"""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a past call was: its category, area and the moment, and the text and digest of the rules it had.

    `aside`: why it was not connected as the rules say (the caller pressed 0, the lifeline took over), "" when it was.
    """

    call: str
    text: str
    digest: str
    category: str | None
    area: str | None
    at: datetime
    aside: str = ""


@dataclass(frozen=True, slots=True)
class RulesSources:
    """The city's rules file, whether placeholders are allowed in it, and what was decided for a past call."""

    file: Path
    demo: bool
    decided: Callable[[str], Decision | None]


def commands(sources: Callable[[], RulesSources]) -> typer.Typer:
    """The commands; `sources` is asked only when one runs."""
    app = typer.Typer(no_args_is_help=True, help="The rules an admin edits.")

    @app.command("check")
    def check_rules(
        file: Annotated[Path | None, typer.Argument(help="The file; the city's when left out.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
    ) -> None:
        """Check a rules file: every problem with line and column. Exit 1: it cannot be used (warnings are no reason).

        Example: ivr rules check routing_rules.yaml
        """
        chosen = sources()
        _check(file or chosen.file, chosen.demo, as_json)

    @app.command("explain", help=EXPLAIN_HELP)
    def explain_plan(
        category: Annotated[str | None, typer.Option(help="Its id, name or a synonym.")] = None,
        area: Annotated[str | None, typer.Option(help="Name, code, or 'kelurahan - kecamatan'.")] = None,
        at: Annotated[
            str | None, typer.Option(help="'2026-12-24 23:30', or 'senin 22:30' of an ordinary week.")
        ] = None,
        call: Annotated[str | None, typer.Option(help="A past call, with the rules that decided it.")] = None,
        file: Annotated[Path | None, typer.Option(help="Another rules file.")] = None,
        as_json: AsJson = False,
    ) -> None:
        chosen = sources()
        if call is None:
            path = file or chosen.file
            with _unusable(say("explain.file_bad", path=path), as_json):
                text = file_text(path)
                rules = load_rules(text, demo=chosen.demo)
            moment = _moment(rules, at)
            _explain(rules, text, find_category(rules, category), find_area(rules, area), moment, as_json)
        elif category or area or at or file:
            _refuse(say("explain.call_alone"))
        else:
            _explain_call(chosen, call, as_json)

    @app.command("test", help=TEST_HELP)
    def test_rules(
        file: Annotated[Path | None, typer.Argument(help="The file of expectations.")] = None,
        draft: Annotated[
            Path | None, typer.Option("--rules", help="Another rules file than the one it names.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        chosen = sources()
        path = file or chosen.file.with_name(chosen.file.stem + TESTS)
        with _unusable(say("expect.wrong_file", path=path), as_json):
            sheet = _sheet(path)
        tested = draft or sheet.rules_file
        with _unusable(say("expect.wrong_file", path=tested), as_json):
            rules = load_rules(tested, demo=chosen.demo)
        with _unusable(say("expect.wrong_file", path=path), as_json):
            expected = expectations(sheet, rules)
        outcomes = examine(rules, expected)
        if as_json:
            typer.echo(_json(outcomes_as_json(rules, tested, outcomes)))
        else:
            for line in in_sentences(rules, path, outcomes):
                typer.echo(line)
        raise typer.Exit(NO if any(outcome.failure for outcome in outcomes) else 0)

    @app.command("coverage", help=COVERAGE_HELP)
    def show_coverage(
        days: Annotated[int, typer.Option(min=1, max=366, help="How many days.")] = 30,
        since: Annotated[
            str | None, typer.Option("--from", help="The first day: 2026-12-21; today if left out.")
        ] = None,
        agency: Annotated[str | None, typer.Option(help="Only this agency.")] = None,
        category: Annotated[str | None, typer.Option(help="Only this category, emergency or not.")] = None,
        file: Annotated[Path | None, typer.Option(help="Another rules file.")] = None,
        as_json: AsJson = False,
    ) -> None:
        chosen = sources()
        path = file or chosen.file
        with _unusable(say("explain.file_bad", path=path), as_json):
            rules = load_rules(path, demo=chosen.demo)
        first = _first_day(rules, since)
        covers = _covers(rules, range(first, first + days), agency, find_category(rules, category))
        if as_json:
            typer.echo(_json([cover_as_json(rules, cover) for cover in covers]))
        else:
            show(Console(markup=False, emoji=False, highlight=False), rules, covers, first, days)
        raise typer.Exit(NO if any(cover.emergency and cover.minutes for cover in covers) else 0)

    return app


def _sheet(path: Path) -> Sheet:
    """The expectations in a file. Raises RulesError, in its own words for a file of rules."""
    try:
        return open_sheet(path)
    except RulesError:
        document = read(file_text(path))
        if "kota" not in tree.names(document.data):
            raise
        text, remedy = say("expect.is_rules"), say("expect.is_rules_remedy")
        raise RulesError([Problem(*document.places["kota",].key, "kota", text, remedy)]) from None


def find_category(rules: Rules, text: str | None) -> str | None:
    """The category an admin means by an id, a name or a synonym; what is none of these ends the command."""
    if text is None:
        return None
    word = text.strip().casefold()
    for one in rules.categories:
        if word in {name.casefold() for name in (one.id, one.name, *one.synonyms)}:
            return one.id
    known = [name for one in rules.categories for name in (one.id, one.name, *one.synonyms)]
    return _unknown(Finding((), "unknown_category", text, known))


def find_area(rules: Rules, text: str | None) -> str | None:
    """The code an admin means; when several could be meant, the command ends with the choice."""
    codes = rules.find_area(text) if text is not None else ()
    if text is None or len(codes) == 1:
        return codes[0] if codes else None
    if not codes:
        return _unknown(Finding((), "unknown_area", text, area_names(rules)))
    choices = [say("explain.choice", code=code, name=rules.area_name(code)) for code in codes]
    return _refuse("\n".join([say("explain.unclear", given=shown(text)), *choices]))


def _check(path: Path, demo: bool, as_json: bool) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        warnings = load_rules(path, demo=demo).warnings
    except RulesError as error:
        problems, warnings = error.problems, ()
    if as_json:
        typer.echo(_json({"problems": _as_dicts(problems), "warnings": _as_dicts(warnings)}))
    else:
        for one in (*problems, *warnings):
            typer.echo(str(one))
        typer.echo(say("explain.file_bad" if problems else "explain.file_good", path=path))
    raise typer.Exit(NO if problems else 0)


def _explain(
    rules: Rules,
    text: str,
    category: str | None,
    area: str | None,
    at: datetime,
    as_json: bool,
    notes: Iterable[str] = (),
) -> None:
    told = explain(rules, category, area, at)
    line = read(text).places["aturan", told.number - 1].value[0] if told.number else None
    if as_json:
        typer.echo(_json({**asdict(told), "line": line}))
        return
    for sentence in [*notes, *in_words(rules, told, line)]:
        typer.echo(sentence)


def _explain_call(chosen: RulesSources, call: str, as_json: bool) -> None:
    decision = chosen.decided(call)
    if decision is None:
        typer.echo(say("explain.unknown_call", call=shown(call)), err=True)
        raise typer.Exit(NO)
    short = decision.digest[:12]
    with _unusable(say("explain.call_unusable", digest=short, call=decision.call), as_json):
        rules = load_rules(decision.text)  # placeholders and all: what decided then is told, whatever the mode now
    notes = [say("explain.call", call=decision.call, digest=short), *([decision.aside] if decision.aside else [])]
    _explain(rules, decision.text, decision.category, decision.area, decision.at, as_json, notes)


def _moment(rules: Rules, text: str | None) -> datetime:
    if text is None:
        return datetime.now(rules.city.clock)
    try:
        return read_moment(rules, text)
    except ValueError:
        return _refuse(say("explain.bad_moment", given=shown(text)))


def _first_day(rules: Rules, text: str | None) -> int:
    """An ordinal day of the city's calendar."""
    if text is None:
        return datetime.now(rules.city.clock).toordinal()
    try:
        return parse_date(text).toordinal()
    except ValueError:
        return _refuse(say("coverage.bad_date", given=shown(text)))


def _covers(rules: Rules, days: range, agency: str | None, category: str | None) -> list[Cover]:
    """The agencies and categories asked for; all agencies with a roster and all emergencies when none is."""
    if agency is not None and agency not in rules.agency_by_id:
        _unknown(Finding((), "unknown_step", agency, [one.id for one in rules.agencies]))
    agencies = [one for one in rules.agencies if one.id == agency or (agency is None and category is None)]
    categories = [one for one in rules.categories if one.id == category]
    if agency is None and category is None:
        categories = [one for one in rules.categories if one.emergency]
    return [*agencies_cover(rules, days, agencies), *categories_cover(rules, days, categories)]


@contextmanager
def _unusable(heading: str, as_json: bool) -> Iterator[None]:
    """A file that cannot be used is a heading with its problems and exit code 1, not a traceback."""
    try:
        yield
    except RulesError as error:
        if as_json:
            typer.echo(_json({"problems": _as_dicts(error.problems)}))
        for line in [heading, *map(str, error.problems)]:
            typer.echo(line, err=True)
        raise typer.Exit(NO) from error


def _unknown(finding: Finding) -> NoReturn:
    """A name that does not exist, with the one that was probably meant."""
    found = problem(finding, 1, 1)
    _refuse(say("explain.unknown", text=found.text, remedy=found.remedy))


def _refuse(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(WRONG_USE)


def _as_dicts(problems: Iterable[Problem]) -> list[dict[str, object]]:
    return [asdict(one) for one in problems]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    """Moments as `2026-12-24T23:30:00`."""
    return value.isoformat() if isinstance(value, date) else str(value)
