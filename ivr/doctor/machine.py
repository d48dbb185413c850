"""The machine: programs, timing, limits of the kernel and of the processes, memory."""

import platform
import re
import resource
from collections.abc import Iterator
from pathlib import Path

from ivr.asterisk.program import AsteriskMissing, find_asterisk
from ivr.doctor.context import Context
from ivr.doctor.model import Finding, Level, error, note, ok, warning
from ivr.messages import say

TIMING_MODULE = "res_timing_timerfd.so"
BACKLOG = 1024  # connections that FastAGI asks the kernel to keep waiting (ivr.asterisk.fastagi)
OPEN_FILES = 4096  # 100 calls: a caller and a few phones each need about 25 descriptors of Asterisk
PROCESSES = 4096  # the kernel counts threads: one for each call here, several in Asterisk
MEMORY_LOW, MEMORY_GONE = 512, 128  # MiB


def programs(context: Context) -> Iterator[Finding]:
    """An Asterisk is there, starts in its sandbox, and is the one that runs."""
    try:
        program = find_asterisk(context.settings)
    except AsteriskMissing as missing:
        yield Finding("programs", Level.ERROR, str(missing), say("doctor.programs_do"))
        return
    kind = "programs_sandbox" if program.root else "programs_system"
    yield ok("programs", kind, asterisk=program.version, python=platform.python_version(), root=program.root)
    if context.live and not context.live.version.startswith(program.version):
        yield note("programs", "programs_old", running=context.live.version, installed=program.version)


def timing(context: Context) -> Iterator[Finding]:
    """Without a timing source Asterisk crashes on the first prompt that AGI plays."""
    modules = context.settings.asterisk_etc / "modules.conf"
    named = True
    if modules.exists():
        wanted = rf"^\s*(pre)?load\s*=>?\s*{re.escape(TIMING_MODULE)}"
        named = bool(re.search(wanted, modules.read_text(encoding="utf-8", errors="replace"), re.MULTILINE))
    if not named:
        yield error("timing", "timing_unnamed", path=modules, module=TIMING_MODULE)
    if context.asterisk is None:
        return
    # A module that could not be used is unloaded again. (AMI's ModuleCheck needs write=system, which is too much.)
    try:
        loaded = (context.proc / str(context.asterisk) / "maps").read_text()
    except PermissionError:  # in a user namespace of its own under systemd
        if named:
            yield note("timing", "timing_hidden", module=TIMING_MODULE)
        return
    if f"/{TIMING_MODULE}" not in loaded:
        yield error("timing", "timing_missing", module=TIMING_MODULE)
    elif named:
        yield ok("timing", "timing_ok", module=TIMING_MODULE)


def backlog(context: Context) -> Iterator[Finding]:
    """How many calls of a burst may wait for the controller."""
    limit = _number(context.proc / "sys/net/core/somaxconn")
    if limit < BACKLOG:
        yield warning("backlog", "backlog_small", limit=limit, wanted=BACKLOG)
    else:
        yield ok("backlog", "backlog_ok", limit=limit)


def limits(context: Context) -> Iterator[Finding]:
    """Files and threads: of the kernel, and of the processes that run (else of who asks)."""
    small = False
    for name in ("pid_max", "threads-max"):
        if (most := _number(context.proc / "sys/kernel" / name)) < 2 * PROCESSES:
            small = True
            yield warning("limits", "limits_kernel", name=f"kernel.{name}", limit=most, wanted=2 * PROCESSES)
    for who, files, threads in _processes(context):
        if files < OPEN_FILES:
            small = True
            yield warning("limits", "limits_files", who=who, limit=files, wanted=OPEN_FILES)
        if threads < PROCESSES:
            small = True
            yield warning("limits", "limits_processes", who=who, limit=threads, wanted=PROCESSES)
    if not small:
        yield ok("limits", "limits_ok", wanted=OPEN_FILES)


def _processes(context: Context) -> Iterator[tuple[str, float, float]]:
    """(who, open files, processes) of each of ours; the controller raises its own limit at its start."""
    running = {"Asterisk": context.asterisk, say("doctor.controller"): context.controller}
    for who, pid in running.items():
        if pid is not None:
            text = (context.proc / str(pid) / "limits").read_text()
            yield who, _limit("open files", text), _limit("processes", text)
    if not context.asterisk and not context.controller:
        ours = [resource.getrlimit(kind)[1] for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)]
        files, threads = (float("inf") if most == resource.RLIM_INFINITY else most for most in ours)
        yield say("doctor.this_user"), files, threads


def _limit(name: str, text: str) -> float:
    """The soft limit, infinite when it is unlimited or unknown."""
    found = re.search(rf"^Max {name}\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else float("inf")


def memory(context: Context) -> Iterator[Finding]:
    """What is left for calls."""
    rows = re.findall(r"^(\w+):\s+(\d+) kB", (context.proc / "meminfo").read_text(), re.MULTILINE)
    sizes = {name: int(size) // 1024 for name, size in rows}
    left, swapped = sizes.get("MemAvailable", 0), sizes.get("SwapTotal", 0) - sizes.get("SwapFree", 0)
    if left < MEMORY_LOW:
        judged = error if left < MEMORY_GONE else warning
        yield judged("memory", "memory_low", left=left, swapped=swapped, wanted=MEMORY_LOW)
    else:
        yield ok("memory", "memory_ok", left=left, swapped=swapped)


def _number(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))
