"""Gaps as a calendar and as sentences: what happens every week, then the dates that differ from their week."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ivr.messages import say
from ivr.rules.coverage import ALL_DAY, Cover, Spans
from ivr.rules.model import Rules
from ivr.rules.moments import dates_in_words, hours_in_words, weekdays_in_words
from ivr.rules.week import DAYS, weekday_of

SHORT = "explain.months_short"
COVERED, PARTLY, CLOSED, HOLIDAY = ".", "-", "x", "*"
STYLES = {COVERED: "green", PARTLY: "yellow", CLOSED: "red"}
NAMED_AREAS = 4
INDENT = (0, 0, 0, 2)
HEADINGS = {"agency": "coverage.agencies", "category": "coverage.categories"}


def show(console: Console, rules: Rules, covers: Sequence[Cover], first: int, days: int) -> None:
    """Calendars with their sentences, agencies before categories; those without gaps in one line."""
    dates = dates_in_words(_date(first), _date(first + days - 1))
    console.print(say("coverage.period", dates=dates, city=rules.city.name))
    if any(cover.minutes for cover in covers):
        console.print(say("coverage.legend"))
    if not covers:
        console.print(say("coverage.nothing"))
    for kind, heading in HEADINGS.items():
        same = [cover for cover in covers if cover.kind == kind]
        if same:
            console.print(f"\n{say(heading)}")
            _show_kind(console, rules, same)


def _show_kind(console: Console, rules: Rules, covers: Sequence[Cover]) -> None:
    complete = [_name(rules, cover) for cover in covers if not cover.minutes]
    if complete:
        console.print(say("coverage.complete", names=", ".join(complete)))
    alike: dict[tuple[tuple[Spans, ...], tuple[Spans, ...]], list[Cover]] = {}
    for cover in covers:
        if cover.minutes:
            alike.setdefault((cover.days, cover.usual), []).append(cover)
    for same in alike.values():
        console.print(f"\n{title(rules, same)}")
        console.print(Padding(calendar(rules, same[0]), INDENT, expand=False))
        for sentence in sentences(rules, same[0]):
            console.print(Padding(sentence, INDENT, expand=False))


def cover_as_json(rules: Rules, cover: Cover) -> dict[str, object]:
    """The gaps as moments of the city's clock; no areas: all of them."""
    return {
        "kind": cover.kind,
        "id": cover.id,
        "emergency": cover.emergency,
        "areas": [{"code": code, "name": rules.area_name(code)} for code in cover.areas],
        "minutes": cover.minutes,
        "gaps": [{"from": start, "to": end} for start, end in cover.stretches()],
    }


def title(rules: Rules, covers: Sequence[Cover]) -> str:
    """`dlh (Dinas Lingkungan Hidup): 512 jam tanpa petugas`, of those that have the same gaps."""
    hours = f"{covers[0].minutes / 60:.1f}".removesuffix(".0").replace(".", ",")
    names = ", ".join(_name(rules, cover) for cover in covers)
    return say(f"coverage.{covers[0].kind}", names=names, hours=hours)


def calendar(rules: Rules, cover: Cover) -> Table:
    """Weeks as rows, days as columns, each day with its mark."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
    for column in ("", *(day[:3].capitalize() for day in DAYS)):
        table.add_column(column)
    last = cover.first + len(cover.days)
    for monday in range(cover.first - weekday_of(cover.first), last, 7):
        week = range(monday, monday + 7)
        cells = (_cell(rules, cover, day) if cover.first <= day < last else Text("") for day in week)
        table.add_row(_week(monday), *cells)
    return table


def sentences(rules: Rules, cover: Cover) -> Iterator[str]:
    """`senin-jumat 00:00-07:30 dan 16:00-24:00`, `25 Des 2026 (Hari Raya Natal) seharian`."""
    days = [(cover.first + place, gaps) for place, gaps in enumerate(cover.days)]
    weekly = {weekday_of(day): gaps for day, gaps in days if gaps and gaps == cover.usual[weekday_of(day)]}
    for gaps in dict.fromkeys(weekly[weekday] for weekday in sorted(weekly)):
        same = [weekday for weekday in weekly if weekly[weekday] == gaps]
        yield say("coverage.weekly", days=weekdays_in_words(same), hours=_hours(gaps))
    dated = [(day, gaps) for day, gaps in days if gaps != cover.usual[weekday_of(day)]]
    yield from _dated(rules, dated)


def _dated(rules: Rules, days: Sequence[tuple[int, Spans]]) -> Iterator[str]:
    """Dates that differ from their week, those in a row with the same hours as one."""
    holidays = rules.city.holidays
    places = enumerate(days)
    rows = groupby(places, key=lambda item: (item[1][0] - item[0], item[1][1], holidays.get(_date(item[1][0]))))
    for (_, gaps, holiday), row in rows:
        whole = [day for _, (day, _) in row]
        dates = dates_in_words(_date(whole[0]), _date(whole[-1]), SHORT)
        key = "coverage.dated_holiday" if holiday else "coverage.dated"
        yield say(key, dates=dates, holiday=holiday, hours=_hours(gaps))


def _hours(gaps: Spans) -> str:
    if not gaps:
        return say("coverage.covered")
    if gaps == ALL_DAY:
        return say("coverage.all_day")
    return say("coverage.and").join(hours_in_words(span) for span in gaps)


def _cell(rules: Rules, cover: Cover, day: int) -> Text:
    gaps, on = cover.days[day - cover.first], _date(day)
    mark = COVERED if not gaps else CLOSED if gaps == ALL_DAY else PARTLY
    text = f"{on.day:2}{mark}{HOLIDAY if on in rules.city.holidays else ' '}"
    return Text(text, style=STYLES[mark])


def _week(monday: int) -> str:
    on = _date(monday)
    return say("coverage.week", day=f"{on.day:2}", month=say(SHORT).split()[on.month - 1])


def _date(day: int) -> date:
    return date.fromordinal(day)


def _name(rules: Rules, cover: Cover) -> str:
    """`damkar (Pemadam Kebakaran)`, `Kebakaran`, `Kebakaran (Bukit Batu, Rakumpit)`."""
    if cover.kind == "agency":
        return say("explain.named", id=cover.id, name=rules.agency(cover.id).name)
    category = rules.category(cover.id)
    name = category.name if category else cover.id
    return name if cover.everywhere else say("explain.named", id=name, name=_areas(rules, cover))


def _areas(rules: Rules, cover: Cover) -> str:
    names = [rules.area_name(code) for code in cover.areas]
    shown = ", ".join(names[:NAMED_AREAS])
    more = len(names) - NAMED_AREAS
    return say("coverage.other_areas", areas=shown, count=more) if more > 0 else shown
