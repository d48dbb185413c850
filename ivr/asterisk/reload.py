"""Give a running Asterisk its new configuration, and see that it took it.

What Asterisk answers proves nothing. `Reload` says Success after a file it could not read. An included file with a
broken section header counts up to that header: what comes after it is gone, and only the log says so. So every
generated file ends in a mark (`ivr.asterisk.generation.mark`), and the marks are asked for twice: before the reload,
read by Asterisk's own parser, so that a broken file changes nothing; and after it, from what is in force.
(AMI: `GetConfig` and `Reload` need write=config, `Getvar` needs write=reporting.)
"""

from ivr.asterisk.accounts import OUTBOUND
from ivr.asterisk.ami import AsteriskManager
from ivr.asterisk.ami_model import demand_success
from ivr.asterisk.generation import mark

FILES = (
    ("musiconhold.conf", "music"),
    ("pjsip.conf", "pjsip"),
    ("extensions.conf", "lines"),
    ("extensions.conf", "lifeline"),
    ("queues.conf", "queue"),
)

MODULES = ("res_musiconhold.so", "res_pjsip.so", "pbx_config.so", "app_queue.so")
"""In this order: the dialplan names music and accounts, the queue's members are rung through the dialplan."""


class NotTaken(Exception):
    """Asterisk did not take the configuration; the text says what was seen instead."""


async def take(manager: AsteriskManager, generation: str) -> None:
    """Reload what was written for this generation and return once all of it is in force; calls go on meanwhile.

    Raises NotTaken and ManagerError. A file that Asterisk cannot read to its end changes nothing. After any failure
    the files on the disk are the new ones all the same: whoever wrote them must write the old ones again, or the next
    start of Asterisk reads them.
    """
    for file, name in FILES:
        await _readable(manager, file, mark(name, generation))
    await _readable(manager, "extensions.conf", "globals", f"GENERATION={generation}")
    for module in MODULES:
        await manager.reload(module)
        for variable, expected in _in_force(module, generation):
            await _is(manager, variable, expected)


async def _readable(manager: AsteriskManager, file: str, section: str, line: str = "") -> None:
    """The section, and the line in it, are there for Asterisk's own parser."""
    answer = await manager.action("GetConfig", Filename=file, Category=section)
    demand_success(f"GetConfig of {file}", answer)
    if not {section, line or section} <= set(answer.messages[0].values()):
        missing = f"[{section}] {line}".strip()
        raise NotTaken(f"{file}: Asterisk cannot read it to its end ({missing} is missing); nothing was reloaded")


def _in_force(module: str, generation: str) -> list[tuple[str, str]]:
    """What a module that took this generation answers. res_musiconhold cannot be asked for its classes."""
    dialplan = [(f"DIALPLAN_EXISTS({mark(name, generation)},s,1)", "1") for name in ("lines", "lifeline")]
    return {
        "res_pjsip.so": [(f"PJSIP_ENDPOINT({OUTBOUND},accountcode)", generation)],
        "pbx_config.so": [("GENERATION", generation), *dialplan],
        "app_queue.so": [(f"QUEUE_EXISTS({mark('queue', generation)})", "1")],
    }.get(module, [])


async def _is(manager: AsteriskManager, variable: str, expected: str) -> None:
    answer = await manager.action("Getvar", Variable=variable)
    demand_success(f"Getvar of {variable}", answer)
    seen = answer.messages[0].get("Value", "")
    if seen != expected:
        raise NotTaken(f"{variable} is {seen!r} after the reload, {expected!r} was expected")
