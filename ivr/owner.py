"""Whose an installation is: what another user writes into its folders locks its services out."""

import os
import pwd
from pathlib import Path


def user_name(number: int) -> str:
    """`budi`, or the number of a user this machine does not know."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def owner_of(path: Path) -> str:
    """Whose it is; where that cannot be told, whose the folder around it is."""
    for place in (path, *path.parents):
        try:
            return user_name(place.stat().st_uid)
        except OSError:
            continue
    return user_name(0)


def other_owner(folder: Path) -> str:
    """Whose the folder is when it is not ours, "" when it is. Raises OSError."""
    owner = folder.stat().st_uid
    return "" if owner == os.geteuid() else user_name(owner)
