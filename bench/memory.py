"""What a waiting call occupies."""

import numpy as np

from bench.city import CALL, City, all_went_well, citizen
from bench.figures import Bench, Figure
from bench.processes import memory
from ivr.phones.sipp import Sipp
from tests.system.server import until

_LEVELS = (0, 25, 50, 100)
_RATE = 25  # calls per second
_SETTLES = 4.0  # seconds that all are there


def measure(bench: Bench) -> Figure:
    """Callers with sound both ways wait in the first question, more each time; nothing was loaded before."""
    rows = []
    with City(bench.room("memory")) as city:
        for level in _LEVELS:
            bench.tell(f"{level} calls waiting in the first question")
            rows.append((level, *_occupied(city, level)))
    kinds = ("controller PSS", "controller RSS", "Asterisk PSS", "Asterisk RSS")
    columns = list(zip(*rows, strict=True))
    slopes = [round(float(np.polyfit(columns[0], column, 1)[0]), 1) for column in columns[1:]]
    return Figure(
        "memory",
        "Memory with calls waiting in the first question, kB",
        "One server just started; each caller hears the greeting, sends sound and is recorded. kB per call is the "
        "slope of the least-squares line through the levels",
        ("calls", *kinds),
        (*rows, ("kB per call", *slopes)),
    )


def _occupied(city: City, level: int) -> tuple[int, int, int, int]:
    if not level:
        return _now(city)
    stays = level / _RATE + 2 * _SETTLES
    with Sipp(citizen(CALL).silence(stays).hang_up(), city.registrar, calls=level, rate=_RATE) as people:
        until(lambda: city.waiting() == level, f"{level} callers in the first question", stays)
        now = _now(city)
        all_went_well(people.wait(stays + 30))
    city.until_quiet()
    return now


def _now(city: City) -> tuple[int, int, int, int]:
    controller, asterisk = memory(city.controller_pid), memory(city.asterisk_pid)
    return controller.pss, controller.rss, asterisk.pss, asterisk.rss
