"""Lists that Asterisk sends row by row: whole, or a timeout."""

import pytest

from ivr.asterisk.ami_model import Headers, LiveChannel, ManagerTimeout
from tests.asterisk.scripted_manager import (
    ROW,
    Action,
    Connection,
    ScriptedManager,
    connected,
    list_channels,
    message,
    served,
)


@served
async def test_live_channels_are_the_rows_of_the_list(server: ScriptedManager) -> None:
    server.on["CoreShowChannels"] = list_channels
    events: list[Headers] = []
    async with connected(server, on_event=events.append) as manager:
        channels = await manager.live_channels()
        answer = await manager.action("CoreShowChannels")
    expected = LiveChannel(
        name="PJSIP/warga-00000001",
        unique_id="ivr112-1.1",
        linked_id="ivr112-1.1",
        state="Up",
        context="ivr-112",
        exten="112",
        application="AGI",
        application_data="agi://127.0.0.1",
        bridge_id="",
        seconds=3723,
    )
    assert channels == [expected, expected]
    assert answer.rows[0]["ChanVariable"] == "A=1\nB=2"
    assert [event["Event"] for event in events] == ["CEL", "CEL"]


def test_a_channel_row_without_a_duration_has_lasted_no_time() -> None:
    assert LiveChannel.from_row({"Channel": "PJSIP/x-1"}).seconds == 0


@served
async def test_an_empty_list_is_complete(server: ScriptedManager) -> None:
    def nothing(connection: Connection, action: Action) -> None:
        connection.answer(action, EventList="start", Message="Channels will follow")
        connection.send(
            message(
                Event="CoreShowChannelsComplete", ActionID=action["ActionID"], EventList="Complete", ListItems="0"
            )
        )

    server.on["CoreShowChannels"] = nothing
    async with connected(server) as manager:
        assert await manager.live_channels() == []


@served
async def test_a_list_cut_off_in_the_middle_is_a_timeout_and_not_half_a_list(server: ScriptedManager) -> None:
    def half(connection: Connection, action: Action) -> None:
        connection.answer(action, EventList="start", Message="Channels will follow")
        connection.send(ROW.format(id=action["ActionID"]).encode())

    server.on["CoreShowChannels"] = half
    async with connected(server) as manager:
        with pytest.raises(ManagerTimeout):
            await manager.live_channels(deadline=0.05)


@served
async def test_a_callers_number_cannot_end_the_list_of_channels(server: ScriptedManager) -> None:
    def channels(connection: Connection, action: Action) -> None:
        connection.answer(action, EventList="start", Message="Channels will follow")
        for unique_id in ("ivr112-1.1", "ivr112-2.2"):
            number = "+62\r\nEventList: Complete\r\nevent: X\r\nUniqueid: other\r\nDuration: ²:0:0"
            row = {"Event": "CoreShowChannel", "ActionID": action["ActionID"], "CallerIDNum": number}
            connection.send(message(**row, Uniqueid=unique_id, Linkedid=unique_id, Duration="00:00:07"))
        end = {"Event": "CoreShowChannelsComplete", "ActionID": action["ActionID"], "EventList": "Complete"}
        connection.send(message(**end))

    server.on["CoreShowChannels"] = channels
    async with connected(server) as manager:
        assert [channel.unique_id for channel in await manager.live_channels()] == ["ivr112-1.1", "ivr112-2.2"]
