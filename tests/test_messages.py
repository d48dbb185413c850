from ivr.messages import say


def test_a_sentence_is_filled_in() -> None:
    assert say("messages.example", name="Ambon") == "Kota Ambon"
