"""A speech child with one fault: `child.py FAULT NOTE`. NOTE remembers that the fault has happened."""

import json
import os
import sys
import time
from pathlib import Path

from ivr.prompts import speak

LANGUAGE, WORDS_PER_MINUTE = "id", 145


def main(fault: str, note: Path) -> int:
    if fault == "no-voice":
        return speak.main("xx-none", WORDS_PER_MINUTE)
    if fault == "always-empty":
        for line in sys.stdin:
            Path(json.loads(line)["file"]).write_bytes(b"")
        return os.EX_OK
    if fault == "too-fast":
        return speak.main(LANGUAGE, 260)
    if fault == "hangs":
        time.sleep(600)
    with note.open("a") as file:
        file.write(f"{os.getpid()}\n")
    if len(note.read_text().splitlines()) > 1:
        return speak.main(LANGUAGE, WORDS_PER_MINUTE)
    if fault == "dies-once":
        os.abort()
    Path(json.loads(sys.stdin.readline())["file"]).write_bytes(b"")
    return speak.main(LANGUAGE, WORDS_PER_MINUTE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
