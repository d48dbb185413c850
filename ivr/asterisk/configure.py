"""Asterisk's configuration folder: a copy of asterisk-config/ and, in generated/, what rules and settings ask for."""

import os
from collections.abc import Sequence
from pathlib import Path

from ivr.asterisk.accounts import pjsip_file, queue_file
from ivr.asterisk.dialplan import globals_file, in_force_file, lifeline_file, lines_file, ring_line_file
from ivr.asterisk.generation import generations, mark
from ivr.asterisk.music import announcements_file, fixed_file
from ivr.dialogue.clips import COMFORT
from ivr.rules import Rules
from ivr.secrets import Secrets
from ivr.settings import PROJECT, Settings

SOURCE = PROJECT / "asterisk-config"
NOTHING = "exten => s,1,NoOp()\n"

FOLDERS = {
    "astvarlibdir": "lib",
    "astdbdir": "lib",
    "astkeydir": "lib",
    "astspooldir": "spool",
    "astrundir": "run",
    "astlogdir": "log",
    "astcachedir": "cache",
}


def write_configuration(rules: Rules, settings: Settings, secrets: Secrets, earlier: Sequence[Rules] = ()) -> Path:
    """Write the whole folder, each file atomically; returns it. Raises OSError (disk, rights, trunk file).

    What calls that began under `earlier` rules (the newest first) may still need stays beside the newest.
    """
    etc = settings.asterisk_etc
    for name in {"etc/generated", *FOLDERS.values(), "spool/outgoing", "log/cel-custom", "log/cdr-custom"}:
        (etc.parent / name).mkdir(parents=True, exist_ok=True)
    for source in SOURCE.glob("*.conf"):
        text = source.read_text(encoding="utf-8")
        _replace(etc / source.name, directories(settings) + text if source.name == "asterisk.conf" else text)
    write_generated(rules, settings, secrets, earlier)
    return etc


def write_generated(rules: Rules, settings: Settings, secrets: Secrets, earlier: Sequence[Rules] = ()) -> None:
    """Write generated/ alone, for an Asterisk that runs: its calls stand in the dialplan it was started with.

    Raises OSError; nothing is written when the trunk file is unreadable.
    """
    for name, text in generated(rules, settings, secrets, earlier).items():
        _replace(settings.asterisk_etc / "generated" / name, text)


def directories(settings: Settings) -> str:
    """The [directories] section of asterisk.conf: everything under the state directory but what Asterisk ships."""
    base = settings.asterisk_etc.parent
    lines = [f"astetcdir = {settings.asterisk_etc}", "astdatadir = /usr/share/asterisk", "astsbindir = /usr/sbin"]
    lines += [f"astmoddir = {folder}" for folder in _module_folder(settings)]
    lines += [f"{name} = {base / folder}" for name, folder in FOLDERS.items()]
    return "\n".join(["[directories]", *lines, "", ""])


def _module_folder(settings: Settings) -> list[str]:
    """Debian's multiarch folder of the Asterisk in use; none found means Asterisk's own default is right."""
    for root in (settings.cache / "asterisk-root", Path("/")):
        for folder in sorted((root / "usr/lib").glob("*-linux-gnu*/asterisk/modules")):
            return [f"/{folder.relative_to(root)}"]
    return []


def generated(rules: Rules, settings: Settings, secrets: Secrets, earlier: Sequence[Rules] = ()) -> dict[str, str]:
    """The generated files by name."""
    prompts, trunk = settings.built_prompts, settings.trunk_file is not None
    kept = generations(rules, earlier, settings)
    newest, *_ = kept
    lines = [in_force_file(rules, newest), ring_line_file(list(kept))]
    lines += [lines_file(each, name, trunk=trunk) for name, each in kept.items()]
    lifelines = [lifeline_file(each, name) for name, each in kept.items()]
    music = [fixed_file(prompts), *(announcements_file(each, name, prompts) for name, each in kept.items())]
    last_class = f"mode = playlist\nentry = {prompts / COMFORT}\n"
    controller = f"127.0.0.1:{settings.agi_port}"
    return {
        "globals.conf": globals_file(rules, newest, prompts, settings.recordings, controller),
        "lines.conf": "".join([*lines, _mark("lines", newest, NOTHING)]),
        "lifeline.conf": "".join([*lifelines, _mark("lifeline", newest, NOTHING)]),
        "musiconhold.conf": "".join([*music, _mark("music", newest, last_class)]),
        "members.conf": queue_file(rules) + _mark("queue", newest),
        "pjsip.conf": pjsip_file(rules, settings, secrets, newest, earlier) + _mark("pjsip", newest),
        "manager_general.conf": f"bindaddr = 127.0.0.1\nport = {settings.ami_port}\n",
        "manager_controller.conf": f"secret = {secrets['manager']}\n",
        "rtp.conf": f"rtpstart = {settings.rtp_first}\nrtpend = {settings.rtp_last}\n",
    }


def _mark(name: str, generation: str, content: str = "") -> str:
    return f"[{mark(name, generation)}]\n{content}"


def _replace(path: Path, text: str) -> None:
    """Atomically, for this user's eyes alone: accounts and the manager's secret are among them.

    Not to be written into either: Asterisk runs as the same user, and AMI has an action that changes such files.
    """
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(
        os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400),
        "w",
        encoding="utf-8",
        errors="surrogateescape",
    ) as file:
        file.write(text)
    temporary.replace(path)
