"""Random calls under random faults: nobody is lost, and every call is in the log once.

IVR_CHAOS_CALLS (500) and IVR_CHAOS_SEED (112) say how many and which.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.system.server import PROJECT

CALLS = os.environ.get("IVR_CHAOS_CALLS", "500")
SEED = os.environ.get("IVR_CHAOS_SEED", "112")


@pytest.mark.long
def test_whatever_breaks_every_caller_reaches_a_human_and_every_call_is_in_the_log_once() -> None:
    # the tests beside it are about fractions of a second, this one is not
    command = ["nice", "-n", "5", sys.executable, "-m", "bench.chaos", "--calls", CALLS, "--seed", SEED, "--json"]
    done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode in {0, 1}, "not run"
    found = json.loads(done.stdout)
    wrong = {name: found[name] for name in ("lost", "unseen", "missing", "doubled", "open")}
    timelines = ["\n".join(lines) for lines in found["timelines"].values()]
    assert wrong == {name: [] for name in wrong}, "\n\n".join(timelines[:5])
    assert found["calls"] == int(CALLS)
    assert found["faults"]
