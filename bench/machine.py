"""Where the figures come from: no figure means much without it."""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from ivr.asterisk.program import find_asterisk
from ivr.settings import load_settings


@dataclass(frozen=True, slots=True)
class Machine:
    """`load` is the load average of the last minute, before and after the run."""

    processor: str
    cores: int
    system: str
    python: str
    asterisk: str
    load: tuple[float, float]

    @property
    def line(self) -> str:
        """In one line, for people."""
        before, after = self.load
        return (
            f"{self.cores} cores, {self.processor}; {self.system}; Python {self.python}; Asterisk {self.asterisk}; "
            f"load {before:.1f} before, {after:.1f} after"
        )


def this_machine(load_before: float) -> Machine:
    """This one, after a run."""
    processors = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    cores = len(os.sched_getaffinity(0))
    system = f"{platform.freedesktop_os_release().get('PRETTY_NAME', 'Linux')}, Linux {platform.release()}"
    asterisk = find_asterisk(load_settings()).version
    load = (round(load_before, 1), round(os.getloadavg()[0], 1))
    processor = processors[0] if processors else platform.machine()
    return Machine(processor, cores, system, platform.python_version(), asterisk, load)
