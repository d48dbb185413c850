"""Every check of the doctor, in the order in which it tells them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ivr.doctor import clock, defaults, disk, lines, machine, permissions, ports, record, rules, service
from ivr.doctor.context import Context
from ivr.doctor.model import Finding

SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Need:
    """Something without which a check cannot look at all; another check, `said_by`, says that it is not there."""

    said_by: str
    given: Callable[[Context], bool]


LIVE = Need("server", lambda context: context.live is not None)
LINES = Need("server", lambda context: context.live is not None and not context.live.refused)
RULES = Need("rules", lambda context: context.rules is not None)
LOG = Need("database", lambda context: not context.log_trouble)


@dataclass(frozen=True, slots=True)
class Check:
    """One question. `look` yields its answers; it may raise, and may hang: see `ivr.doctor.run`."""

    id: str
    group: str
    look: Callable[[Context], Iterator[Finding]]
    needs: tuple[Need, ...] = ()
    seconds: float = SECONDS


CHECKS: tuple[Check, ...] = (
    Check("server", "service", service.server),
    Check("controller", "service", service.controller),
    Check("heartbeat", "service", service.heartbeat),
    Check("alarms", "service", service.alarms),
    Check("trunk", "lines", lines.trunk, (LINES,)),
    Check("operators", "lines", lines.operators, (LINES, RULES)),
    Check("agencies", "lines", lines.agencies, (LINES, RULES)),
    Check("phones", "lines", lines.phones, (LINES, RULES)),
    Check("standby", "lines", lines.standby, (LINES, RULES)),
    Check("rules", "rules", rules.rules),
    Check("generation", "rules", rules.generation, (LIVE,)),
    Check("placeholders", "rules", rules.placeholders, (RULES,)),
    Check("coverage", "rules", rules.coverage, (RULES,), 20.0),
    Check("prompts", "rules", rules.prompts, (RULES,), 30.0),
    Check("database", "record", record.database, seconds=record.INTEGRITY_SECONDS + 10.0),
    Check("set_aside", "record", record.set_aside),
    Check("schema", "record", record.schema, (LOG,)),
    Check("journal", "record", record.journal),
    Check("open_calls", "record", record.open_calls, (LOG,)),
    Check("unlogged", "record", record.unlogged, (LOG,)),
    Check("recordings", "record", record.recordings, (LOG,), 20.0),
    Check("backup", "record", service.backup),
    Check("programs", "machine", machine.programs, seconds=30.0),
    Check("timing", "machine", machine.timing),
    Check("backlog", "machine", machine.backlog),
    Check("limits", "machine", machine.limits),
    Check("memory", "machine", machine.memory),
    Check("disk", "machine", disk.disk),
    Check("backup_disk", "machine", disk.backup_disk),
    Check("synchronised", "machine", clock.synchronised),
    Check("clock", "machine", clock.clock),
    Check("zone", "machine", clock.zone, (RULES,), 30.0),
    Check("access", "security", permissions.access),
    Check("root", "security", permissions.root),
    Check("folders", "security", permissions.folders),
    Check("files", "security", permissions.files),
    Check("owner", "security", permissions.owner),
    Check("passwords", "security", defaults.passwords),
    Check("demo", "security", defaults.demo),
    Check("trunk_file", "security", defaults.trunk_file),
    Check("networks", "security", defaults.networks),
    Check("ports", "security", ports.ports),
    Check("exposed", "security", ports.exposed),
    Check("strangers", "security", ports.strangers),
)

BY_ID = {check.id: check for check in CHECKS}
