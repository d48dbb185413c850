import typer

from ivr.cli import Ivr, app
from ivr.late import LateCommands, Rooms


def rooms_that_tell(imported: list[str]) -> Rooms:
    """Two rooms: one with a command, one with a group."""
    made = Rooms()

    @made.room("one")
    def one(to: typer.Typer) -> None:
        imported.append("one")
        room = typer.Typer()
        room.command("one")(lambda: typer.echo("one runs"))
        to.add_typer(room)

    @made.room("many")
    def many(to: typer.Typer) -> None:
        imported.append("many")
        room = typer.Typer(help="Many.")
        room.command("first")(lambda: None)
        room.command("second")(lambda: typer.echo("second runs"))
        to.add_typer(room, name="many")

    return made


def test_a_room_is_imported_when_its_command_is_looked_up_and_once() -> None:
    imported: list[str] = []
    commands = rooms_that_tell(imported).behind({"own": object()})
    assert ([*commands], len(commands), imported) == (["own", "one", "many"], 3, [])
    assert commands["one"].name == "one"
    assert commands["one"] is commands["one"]
    assert imported == ["one"]
    assert commands.get("other") is None
    assert [*commands["many"].commands] == ["first", "second"]
    assert ([*commands], imported) == (["own", "one", "many"], ["one", "many"])


def test_a_command_that_is_set_stands_before_a_room_of_that_name_and_can_be_taken_away() -> None:
    commands = LateCommands({}, {"one": lambda _: None})
    commands["one"] = own = object()
    assert (commands["one"], [*commands], len(commands)) == (own, ["one"], 1)
    del commands["one"]
    assert [*commands] == ["one"]


def test_every_room_of_ivr_has_the_command_it_is_known_by_behind_the_commands_of_ivr_itself() -> None:
    listed = typer.main.get_command(app)
    assert isinstance(listed, Ivr)
    assert [command.name for command in listed.commands.values()] == [*listed.commands]
    late = ["prompts", "calls", "status", "doctor", "rules", "backup", "restore", "heartbeat"]
    assert [*listed.commands][len(app.registered_commands) :] == late
