"""A whole server under test: `ivr up` with its own state, in the test's own network namespace."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from ivr.asterisk.program import find_asterisk
from ivr.calls import query
from ivr.calls.events import Event
from ivr.calls.projection import CallRecord
from ivr.calls.query import Filter
from ivr.phones.baresip import Phone
from ivr.settings import load_settings

PROJECT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
LAST_LINE = "Ctrl-C"

Found = TypeVar("Found")


def until(look: Callable[[], Found], what: str, seconds: float = 10.0) -> Found:
    """Look again and again until something true is found. Raises AssertionError naming what was missing."""
    deadline, pause = time.monotonic() + seconds, 0.01
    while not (found := look()):
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(pause)
        pause = min(pause * 1.2, 0.06)
    return found


def spoken_before(folder: Path, rules: Path) -> Path | None:
    """Where this test run keeps the prompts of these rules: the next server finds them made, as on a second start."""
    run = next((parent for parent in folder.parents if re.fullmatch(r"pytest-\d+", parent.name)), None)
    return run and run / f"prompts-{hashlib.sha256(rules.read_bytes()).hexdigest()[:12]}"


class Server:
    """Starts on entering, once callers are answered; leaving stops it as Ctrl-C does."""

    def __init__(
        self, folder: Path, *, rules: Path | None = None, shift: int = 0, settings: Mapping[str, str] | None = None
    ) -> None:
        """`shift` moves every port, for a second server in the same namespace."""
        self.folder = folder
        self.registrar = f"{LOOPBACK}:{5060 + shift}"
        self.state = folder / "state"
        self.recordings = folder / "calls"
        self.prompts = folder / "recordings"
        self.rules = folder / "rules.yaml"
        shutil.copy(rules or Path(__file__).with_name("rules.yaml"), self.rules)
        self.prompts.mkdir(exist_ok=True)
        shutil.copy(PROJECT / "recordings" / "prompts.yaml", self.prompts)
        self._spoken = spoken_before(folder, self.rules)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("IVR_")},
            "IVR_CACHE": os.environ.get("IVR_CACHE", str(Path.home() / ".cache" / "ivr112")),
            "IVR_STATE": str(self.state),
            "IVR_RECORDINGS": str(self.recordings),
            "IVR_PROMPTS": str(self.prompts),
            "IVR_RULES_FILE": str(self.rules),
            "IVR_ALLOW_ROOT": "yes",
            "IVR_SIP_PORT": str(5060 + shift),
            "IVR_AGI_PORT": str(4573 + shift),
            "IVR_AMI_PORT": str(5038 + shift),
            "IVR_HTTP_PORT": str(8112 + shift),
            "IVR_HEARTBEAT_MINUTES": "0",
            "IVR_BACKUPS": str(folder / "backups"),
            "IVR_RTP_FIRST": str(10000 + 10 * shift),
            "IVR_RTP_LAST": str(10999 + 10 * shift),
            "IVR_LOG_LEVEL": "DEBUG",
            **(settings or {}),
        }
        self.started_in = 0.0
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        with ExitStack() as turn:
            if not self._take_prompts():  # whoever is first makes them, the others wait
                lock = turn.enter_context(Path(f"{self._spoken}.lock").open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
                if self._take_prompts():
                    turn.close()
            return self._start()

    def _start(self) -> Self:
        began = time.monotonic()
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "ivr", "up"],
            env=self.environment,
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if LAST_LINE in line:
                self._keep_prompts()
                self.started_in = time.monotonic() - began
                return self
        process.stdout.close()
        process.wait(20)
        raise AssertionError("ivr up did not come up:\n" + "".join(said))

    def __exit__(self, *_error: object) -> None:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            process.stdout.close()

    def _take_prompts(self) -> bool:
        """Whether nothing is left to make."""
        if self._spoken is None or (self.prompts / "built").exists():
            return True
        if not self._spoken.exists():
            return False
        shutil.copytree(self._spoken, self.prompts / "built")
        return True

    def _keep_prompts(self) -> None:
        if self._spoken is None or self._spoken.exists():
            return
        new = self._spoken.with_suffix(f".{os.getpid()}")
        shutil.copytree(self.prompts / "built", new)
        try:
            new.rename(self._spoken)
        except OSError:  # another worker was quicker
            shutil.rmtree(new)

    # -- its processes

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def controller_pid(self) -> int:
        """The controller's process; raises AssertionError when there is none."""
        return until(lambda: self._child("controller"), "controller process", 5)

    def _child(self, word: str) -> int:
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(path.read_text().rsplit(")", 1)[1].split()[1])
                command = (path.parent / "cmdline").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == self.pid and word in command.split("\0"):
                return int(path.parent.name)
        return 0

    @contextmanager
    def without_restarts(self) -> Iterator[None]:
        """The supervisor is stopped, so that a controller that ends stays away."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def change_dialplan(self, pattern: str, replacement: str) -> None:
        """Put something else wherever this stands in extensions.conf, and have the running Asterisk read it."""
        settings = load_settings(**{n[4:].lower(): v for n, v in self.environment.items() if n.startswith("IVR_")})
        file = settings.asterisk_etc / "extensions.conf"
        text, found = re.subn(pattern, replacement, file.read_text(encoding="utf-8"))
        assert found, f"{pattern} is not in the dialplan"
        file.unlink()  # not writable, on purpose
        file.write_text(text, encoding="utf-8")
        words = find_asterisk(settings).command(settings, "-rx", "dialplan reload")
        subprocess.run(words, capture_output=True, timeout=20, check=True)

    # -- phones

    def phone(self, account: str, **options: object) -> Phone:
        """One of the accounts' phones, not started yet."""
        passwords = json.loads((self.state / "secrets.json").read_text())
        return Phone(account, self.registrar, password=passwords[account], **options)  # type: ignore[arg-type]

    # -- its record

    @cached_property
    def _log(self) -> Engine:
        """Asked again and again: statements are made ready once, and no connection stays open."""
        path = (self.state / "calls.sqlite").resolve().as_uri()
        url = URL.create("sqlite", database=path, query={"mode": "ro", "uri": "true"})
        return create_engine(url, poolclass=NullPool, connect_args={"timeout": 5.0})

    def calls(self, limit: int = 50, tests: bool | None = False) -> list[CallRecord]:
        """The last calls, newest first; `tests`: see `Filter`."""
        try:
            with self._log.connect() as connection:
                return query.calls(connection, Filter(tests=tests), limit)
        except SQLAlchemyError:
            return []

    def story(self, call_id: str) -> tuple[CallRecord, list[Event]]:
        """One call and its events."""
        with self._log.connect() as connection:
            found = query.call(connection, call_id)
        assert found is not None, f"{call_id} is not in the log"
        return found

    def ended_call(self, number: str, seconds: float = 15.0) -> tuple[CallRecord, list[Event]]:
        """The newest call of that number once it has ended and its recording was checked."""

        def look() -> CallRecord | None:
            mine = [call for call in self.calls() if call.caller_number == number]
            return mine[0] if mine and mine[0].ended_at and mine[0].recording_checked_at else None

        found = until(look, f"ended call of {number}", seconds)
        assert found is not None
        return self.story(found.call_id)

    def recording_of(self, record: CallRecord) -> Path:
        """The call's WAV file."""
        assert record.recording_path
        return self.recordings / record.recording_path
