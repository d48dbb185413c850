"""Every sentence is said by some check, every check has a sentence about it, and a test."""

import ast
from collections.abc import Iterator
from pathlib import Path

import yaml

import ivr.doctor
from ivr.doctor.checks import CHECKS

ROOM = Path(ivr.doctor.__file__).parent
SENTENCES: dict[str, str] = yaml.safe_load((ROOM.parent / "messages" / "doctor.yaml").read_text(encoding="utf-8"))
SAYS = {"ok", "note", "warning", "error", "judged"}


def constants(folder: Path) -> set[str]:
    """Every text that stands in the modules of a folder."""
    found: set[str] = set()
    for path in folder.glob("*.py"):
        if path != Path(__file__):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            found |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return found


def said() -> Iterator[tuple[str, str]]:
    """(level, key) of each finding that is made with a key that stands in the code."""
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYS:
                key = node.args[1] if len(node.args) > 1 else None
                if isinstance(key, ast.Constant):
                    yield node.func.id, str(key.value)


def test_every_sentence_is_used() -> None:
    texts = constants(ROOM)
    named = {f"{kind}_{name}" for kind in ("group", "about") for name in [*(c.id for c in CHECKS), *groups()]}
    used = {key for key in SENTENCES if key in texts or f"doctor.{key}" in texts or key in named}
    used |= {f"{key}_do" for key in used}
    assert sorted(SENTENCES.keys() - used) == []


def groups() -> set[str]:
    return {check.group for check in CHECKS}


def test_every_finding_has_its_sentence_and_what_is_not_well_its_remedy() -> None:
    findings = set(said())
    assert len(findings) > 90
    assert sorted(key for _, key in findings if key not in SENTENCES) == []
    assert sorted(key for level, key in findings if level != "ok" and f"{key}_do" not in SENTENCES) == []


def test_every_check_and_group_is_described() -> None:
    wanted = {f"about_{check.id}" for check in CHECKS} | {f"group_{name}" for name in groups()}
    assert wanted <= SENTENCES.keys()


def test_every_check_has_a_test() -> None:
    assert sorted({check.id for check in CHECKS} - constants(Path(__file__).parent)) == []


def test_no_two_checks_have_one_name() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)


def test_who_is_sent_to_the_controllers_log_is_told_where_systemd_keeps_it() -> None:
    for room in ("doctor", "health", "heartbeat"):
        path = ROOM.parent / "messages" / f"{room}.yaml"
        for sentence in yaml.safe_load(path.read_text(encoding="utf-8")).values():
            assert ("controller.log" in sentence) == ("journalctl -u ivr112-controller" in sentence), sentence
