"""`/live`, `/ready`, `/metrics` and the alarms of a whole server, asked and attacked while people call."""

import json
import os
import re
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from tests.system.people import Citizen, SwitchOn, accepts
from tests.system.server import LOOPBACK, Server, until
from tests.system.test_the_call import talks

GET_LIVE = b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n"


def port_of(server: Server) -> int:
    return int(server.environment["IVR_HTTP_PORT"])


def ask(server: Server, page: str) -> tuple[int, str]:
    """Status and body; (0, reason) when nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port_of(server)}/{page}", timeout=5) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()
    except OSError as error:
        return 0, str(error)


def metric(server: Server, name: str) -> float | None:
    """The number of one line of the page, None when it is not there."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", ask(server, "metrics")[1], re.MULTILINE)
    return float(found[1]) if found else None


def until_metric(server: Server, name: str, value: float, seconds: float = 20.0) -> None:
    until(lambda: metric(server, name) == value, f"{name} {value}", seconds)


def test_a_server_with_an_operator_is_live_ready_and_counted(server: Server, switch_on: SwitchOn) -> None:
    switch_on(server, "operator1")
    for page in ("live", "ready"):
        status, body = until(lambda p=page: (found := ask(server, p))[0] == 200 and found, f"200 of {page}")  # type: ignore[misc]
        assert (status, json.loads(body)["reasons"]) == (200, {})
    until_metric(server, "ivr_operators_logged_in", 1)
    assert metric(server, "ivr_operators_available") == 1
    assert metric(server, "ivr_phones") == 1
    assert metric(server, "ivr_asterisk_connected") == metric(server, "ivr_database_up") == 1
    assert metric(server, "ivr_rules_last_reload_successful") == 1
    assert (metric(server, 'ivr_disk_free_bytes{what="recordings"}') or 0) > 0


def test_an_answered_call_is_counted_with_its_wait_and_an_abandoned_one_with_its_stage(
    server: Server, switch_on: SwitchOn
) -> None:
    names = (
        'ivr_calls_total{outcome="answered"}',
        "ivr_answer_seconds_count",
        'ivr_calls_total{outcome="abandoned"}',
    )
    answered, waits, abandoned = (metric(server, name) or 0 for name in names)
    officer = switch_on(server, "dishub")
    citizen = Citizen(server, switch_on(server, "warga")).dial().answers("4")
    officer.answer(10)
    talks(citizen, officer)
    until_metric(server, "ivr_open_calls", 1)
    citizen.hangs_up()
    again = Citizen(server, citizen.phone).dial().is_asked("category")
    until_metric(server, "ivr_questions_in_progress", 1)
    again.hangs_up()
    until_metric(server, names[0], answered + 1)
    until_metric(server, names[2], abandoned + 1)
    assert metric(server, names[1]) == waits + 1
    assert metric(server, "ivr_open_calls") == 0


def test_probes_and_slow_clients_cost_a_caller_nothing(server: Server, switch_on: SwitchOn) -> None:
    officer, citizen = switch_on(server, "damkar_1"), Citizen(server, switch_on(server, "warga"))
    address, over = (LOOPBACK, port_of(server)), threading.Event()

    def probe() -> None:
        while not over.wait(0.05):
            socket.create_connection(address).close()

    probing = threading.Thread(target=probe)
    probing.start()
    with ExitStack() as slow:
        for _ in range(300):
            client = slow.enter_context(closing(socket.create_connection(address)))
            client.sendall(GET_LIVE[:20])
        citizen.dial().answers("1", "1")
        accepts(citizen, officer)
        talks(citizen, officer)
        assert ask(server, "ready")[0] == 200
        citizen.hangs_up()
    over.set()
    probing.join()
    open_files = Path(f"/proc/{server.controller_pid}/fd")
    until(lambda: len(list(open_files.iterdir())) < 120, "end of the slow connections", 10)


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """An address for alarms, and what it was told."""
    told: list[dict[str, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 its name there
            """Silence."""

    with HTTPServer((LOOPBACK, 0), Hook) as http:
        serving = threading.Thread(target=http.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield f"http://{LOOPBACK}:{http.server_port}/kunci-rahasia", told
        finally:
            http.shutdown()
            serving.join()


def test_a_controller_that_dies_again_and_again_is_counted_and_told(tmp_path: Path) -> None:
    with receiver() as (url, told), Server(tmp_path, shift=100, settings={"IVR_ALARM_URL": url}) as city:
        for _ in range(3):
            before = city.controller_pid
            os.kill(before, signal.SIGKILL)
            until(lambda old=before: city.controller_pid != old and ask(city, "live")[0] == 200, "new controller", 40)  # type: ignore[misc]
        until(lambda: told, "alarm at its receiver", 20)
        assert (told[0]["alarm"], told[0]["state"], told[0]["city"]) == ("controller_restarts", "begun", "Uji")
        assert metric(city, 'ivr_alarm{key="controller_restarts"}') == 1
        assert metric(city, 'ivr_watchdog_restarts_total{reason="controller_started"}') == 4
        assert metric(city, 'ivr_watchdog_restarts_total{reason="controller_ended"}') == 3
        shown = json.loads(ask(city, "live")[1])["alarms"]
        assert [alarm["key"] for alarm in shown] == ["controller_restarts"]
        log = (city.state / "log" / "controller.log").read_text()
        assert "alarm controller_restarts begins" in log
        assert "kunci-rahasia" not in log


def test_without_asterisk_it_is_live_and_not_ready(tmp_path: Path) -> None:
    with Server(tmp_path, shift=100) as city, city.without_restarts():
        pid = int((city.state / "asterisk" / "run" / "asterisk.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        until(lambda: ask(city, "ready")[0] == 503, "503", 10)
        assert list(json.loads(ask(city, "ready")[1])["reasons"]) == ["asterisk"]
        assert ask(city, "live")[0] == 200


def test_a_port_that_is_taken_costs_no_call(tmp_path: Path, switch_on: SwitchOn) -> None:
    with Server(tmp_path, shift=100) as city:
        with city.without_restarts():
            before = city.controller_pid
            os.kill(before, signal.SIGKILL)
            until(lambda: ask(city, "live")[0] == 0, "end of the controller")
            taken = socket.create_server((LOOPBACK, port_of(city)))
        log = city.state / "log" / "controller.log"
        with taken:
            until(lambda: "tidak dapat dipakai" in log.read_text(), "word of the port", 40)
            citizen = Citizen(city, switch_on(city, "warga")).dial().is_asked("category")
            citizen.hangs_up()
        assert log.read_text().count("tidak dapat dipakai") == 1
