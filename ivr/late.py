"""Commands that are imported when they are used: a small command, and a service, carry only their own rooms."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import typer

Room = Callable[[typer.Typer], None]
"""Imports a room and adds what it has to the application, with `add_typer`."""


class Rooms:
    """The rooms by their commands, in the order in which help lists them.

    Only help, which lists every command, imports all of them.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}

    def room(self, command: str) -> Callable[[Room], Room]:
        """For the function that adds this command."""

        def remember(room: Room) -> Room:
            self._rooms[command] = room
            return room

        return remember

    def behind(self, own: Mapping[str, Any]) -> "LateCommands":
        """An application's commands: its own, and the rooms'."""
        return LateCommands(own, self._rooms)


class LateCommands(MutableMapping[str, Any]):
    """Commands by name, as a group has them; a room's is made when it is looked up, no earlier."""

    def __init__(self, own: Mapping[str, Any], rooms: Mapping[str, Room]) -> None:
        self._own, self._rooms = dict(own), rooms
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name in self._own:
            return self._own[name]
        if name not in self._made:
            self._made[name] = _made(self._rooms[name])[name]
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._own[name] = command

    def __delitem__(self, name: str) -> None:
        del self._own[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (name for name in self._rooms if name not in self._own)

    def __len__(self) -> int:
        return len({*self._own, *self._rooms})


def _made(room: Room) -> Mapping[str, Any]:
    """The commands of a room, as the application itself would make them."""
    app = typer.Typer()
    room(app)
    return typer.main.get_group(app).commands
