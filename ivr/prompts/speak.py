"""The child process that speaks: `python -m ivr.prompts.speak LANGUAGE RATE`, JSON lines {"text", "file"} on stdin.

A process of its own, because espeak-ng may hang or die and pyttsx3 raises nothing; the parent reads the
files. Exit status EX_UNAVAILABLE with a sentence on stderr means: no voice on this machine.
"""

import json
import os
import sys
import time
from collections.abc import Callable


def main(language: str, rate: int) -> int:
    """Speak every line of stdin into its file (22050 Hz mono s16, what pyttsx3 writes)."""
    try:
        import pyttsx3
        from pyttsx3.drivers import _espeak

        engine = pyttsx3.init("espeak")
    except (ImportError, RuntimeError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_UNAVAILABLE

    def settle() -> None:
        _wait_until(lambda: not _espeak.IsPlaying())

    voice = next((v.id for v in engine.getProperty("voices") if v.id.split("/")[-1] == language), None)
    if voice is None:
        sys.stderr.write(f"espeak-ng: no voice '{language}'\n")
        return os.EX_UNAVAILABLE
    # The loop's first turn cancels whatever espeak's own thread is doing; let it cancel nothing.
    # After it, a property is set at once instead of inside the next loop.
    settle()
    engine.runAndWait()
    settle()
    engine.setProperty("voice", voice)
    engine.setProperty("rate", rate)
    if not _wait_until(lambda: engine.getProperty("rate") == rate):
        return os.EX_SOFTWARE  # no files: the parent tries again
    for line in sys.stdin:
        order = json.loads(line)
        # runAndWait() begins with stop(): if espeak is still busy, that kills the utterance to come
        # and drops a rate just set (empty files, default speed).
        settle()
        engine.save_to_file(order["text"], order["file"])
        engine.runAndWait()
    settle()
    return os.EX_OK


def _wait_until(condition: Callable[[], bool], seconds: float = 2.0) -> bool:
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.001)
    return met


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
