"""Asterisk's configuration folder: a copy of asterisk-config/ and, in generated/, what rules and settings ask for."""

from pathlib import Path

from ivr.asterisk.accounts import members_file, pjsip_file
from ivr.asterisk.dialplan import globals_file, lifeline_file, lines_file
from ivr.asterisk.music import music_file
from ivr.rules import Rules
from ivr.secrets import Secrets
from ivr.settings import PROJECT, Settings

SOURCE = PROJECT / "asterisk-config"

FOLDERS = {
    "astvarlibdir": "lib",
    "astdbdir": "lib",
    "astkeydir": "lib",
    "astspooldir": "spool",
    "astrundir": "run",
    "astlogdir": "log",
    "astcachedir": "cache",
}


def write_configuration(rules: Rules, settings: Settings, secrets: Secrets) -> Path:
    """Write the whole folder, each file atomically; returns it. Raises OSError (disk, rights, trunk file)."""
    etc = settings.asterisk_etc
    for name in {"etc/generated", *FOLDERS.values(), "log/cel-custom", "log/cdr-custom"}:
        (etc.parent / name).mkdir(parents=True, exist_ok=True)
    for source in SOURCE.glob("*.conf"):
        text = source.read_text(encoding="utf-8")
        _replace(etc / source.name, directories(settings) + text if source.name == "asterisk.conf" else text)
    for name, text in generated(rules, settings, secrets).items():
        _replace(etc / "generated" / name, text)
    return etc


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


def generated(rules: Rules, settings: Settings, secrets: Secrets) -> dict[str, str]:
    """The generated files by name."""
    trunk = settings.trunk_file is not None
    return {
        "globals.conf": globals_file(
            rules,
            prompts=settings.built_prompts,
            recordings=settings.recordings,
            controller=f"127.0.0.1:{settings.agi_port}",
        ),
        "lines.conf": lines_file(rules, trunk=trunk),
        "lifeline.conf": lifeline_file(rules),
        "musiconhold.conf": music_file(rules, settings.built_prompts),
        "members.conf": members_file(rules),
        "pjsip.conf": pjsip_file(rules, settings, secrets),
        "manager_general.conf": f"bindaddr = 127.0.0.1\nport = {settings.ami_port}\n",
        "manager_controller.conf": f"secret = {secrets['manager']}\n",
        "rtp.conf": f"rtpstart = {settings.rtp_first}\nrtpend = {settings.rtp_last}\n",
    }


def _replace(path: Path, text: str) -> None:
    """Atomically, readable by this user alone: accounts and the manager's secret are among them."""
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
    temporary.replace(path)
