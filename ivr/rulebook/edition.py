"""One accepted rules file, with everything a call that starts under it needs until its end."""

from dataclasses import dataclass

from ivr.prompts.shelf import ClipShelf
from ivr.rules import Rules


@dataclass(frozen=True, slots=True)
class Edition:
    """`digest` is the SHA-256 of the file (hex), `generation` names what Asterisk was given of it (8 hex)."""

    rules: Rules
    digest: str
    generation: str
    shelf: ClipShelf
