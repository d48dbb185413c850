"""How many are before a caller in the operators' queue: whole sentences, in the place of Asterisk's numbers.

app_queue says the position N by the sound `digits/N` in the folder that the channel's language names (say.c). A file
of that kind which is missing or broken is passed over; over a broken file of its other sentences (queue-youarenext,
queue-thereare, ...) app_queue hangs up on the caller. So there are none of those.
"""

from collections.abc import Mapping

NAMED = range(1, 10)
"""How many callers before oneself have a sentence of their own; of more it says only that they are more."""

LAST = NAMED[-1] + 2
"""The position from which on all hear the same: announce-position-limit in queues.conf."""

FILES: Mapping[str, str] = {
    **{f"ahead-{before}": f"digits/{before + 1}" for before in NAMED},
    "ahead-many": f"digits/{LAST}",
}
"""Prompt -> where it lies in the folder of built prompts, without extension."""
