"""What admins and operators read, in Indonesian, kept in YAML files beside this module.

>>> say("messages.example", name="Palangka Raya")
'Kota Palangka Raya'
"""

from functools import cache
from pathlib import Path

import yaml


@cache
def _room(name: str) -> dict[str, str]:
    text = Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, str] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 BaseLoader builds only strings
    return loaded


def say(key: str, **values: object) -> str:
    """The sentence `<room>.<key>` with its values filled in. Raises KeyError for an unknown key."""
    room, _, name = key.partition(".")
    return _room(room)[name].format(**values)
