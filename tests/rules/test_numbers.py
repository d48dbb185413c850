import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ivr.rules.numbers import MAX_URI, BadNumber, Number, read_number

DIALLED = re.compile(
    r"\+?[0-9]{3,15}"
    r"|sips?:[A-Za-z0-9_.+*-]+@([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(;transport=(udp|tcp|tls))?"
)
SEPARATORS = ["", "", " ", "-", ".", "/", " - ", ") ", " (", "] ", "\u00a0", "–", "\u2011"]


def refused(text: str) -> str:
    with pytest.raises(BadNumber) as caught:
        read_number(text)
    return caught.value.kind


def outcome(text: str) -> Number | str:
    try:
        return read_number(text)
    except BadNumber as bad:
        return bad.kind


@pytest.mark.parametrize(
    ("text", "dial"),
    [
        ("0536-3221113", "05363221113"),
        ("(0536) 3221113", "05363221113"),
        ("0536/3221113", "05363221113"),
        ("0536 – 322 1113", "05363221113"),
        ("+62 536 3221113", "+625363221113"),
        ("(+62) 536-3221113", "+625363221113"),
        ("+62 (0)536 3221113", "+625363221113"),
        ("62 536 3221113", "625363221113"),
        ("62 0536 3221113", "625363221113"),
        ("021 345 5670", "0213455670"),
        ("0812-3456-7890", "081234567890"),
        ("0812/3456/789", "08123456789"),
        ("\u202a+62 812\u20113456\u20117890\u202c", "+6281234567890"),
        ("0811 129 129", "0811129129"),
        ("0895-3456-78901", "0895345678901"),
        ("0800-1-234567", "08001234567"),
        ("14045", "14045"),
        ("1500 123", "1500123"),
    ],
)
def test_a_number_may_be_written_as_people_write_it(text: str, dial: str) -> None:
    assert read_number(text) == Number(dial)


@pytest.mark.parametrize("code", ["110", "113", "115", "117", "118", "119", "123", "129"])
def test_the_national_services_are_beyond_doubt(code: str) -> None:
    assert read_number(code) == Number(code)


@pytest.mark.parametrize(
    "area",
    [
        *["021", "022", "024", "031", "061", "0274", "0361", "0370", "0380", "0401", "0411", "0431", "0451"],
        *["0511", "0513", "0536", "0541", "0561", "0751", "0911", "0967"],
    ],
)
def test_area_codes_from_medan_to_jayapura_are_known(area: str) -> None:
    assert read_number(f"{area}-3456789") == Number(f"{area}3456789")
    assert read_number(f"+62 {area[1:]} 3456789") == Number(f"+62{area[1:]}3456789")


@pytest.mark.parametrize(
    ("text", "dial", "doubt"),
    [
        ("0899-1", "08991", "phone_doubtful"),
        ("0536-32", "053632", "phone_doubtful"),
        ("0999-3221113", "09993221113", "phone_doubtful"),
        ("0536-3221113-99", "0536322111399", "phone_doubtful"),
        ("191", "191", "phone_doubtful"),
        ("+62110", "+62110", "phone_doubtful"),
        ("000", "000", "phone_doubtful"),
        ("+012345", "+012345", "phone_doubtful"),
        ("001 65 6412 3456", "0016564123456", "phone_doubtful"),
        ("3221113", "3221113", "phone_local"),
        ("322112", "322112", "phone_local"),
        ("6221-0000", "62210000", "phone_local"),
        ("81234567890", "81234567890", "phone_local"),
        ("+65 6412 3456", "+6564123456", "phone_foreign"),
        ("+1 202 555 0123", "+12025550123", "phone_foreign"),
    ],
)
def test_a_number_outside_the_numbering_plan_is_dialled_with_a_doubt(text: str, dial: str, doubt: str) -> None:
    assert read_number(text) == Number(dial, doubtful=doubt)


@pytest.mark.parametrize(
    "text", ["0401-0000-101", "+62 401 0000101", "62 401 0000 101", "021-0000-1234", "0999 0000 1"]
)
def test_a_subscriber_number_that_begins_with_0000_is_a_placeholder(text: str) -> None:
    number = read_number(text)
    assert number.placeholder
    assert number.doubtful is None


@pytest.mark.parametrize(
    "text", ["0812-0000-1234", "+62 811 0000 123", "0536-3000000", "021-2000000", "031-20000000"]
)
def test_zeros_elsewhere_are_a_real_number(text: str) -> None:
    assert not read_number(text).placeholder


@pytest.mark.parametrize(
    "text",
    [
        *["112", "1-1-2", "(112)", " 1 12 ", "1/1/2", "0112", "+112", "+62112", "62 112", "62-0112", "+62 (0)112"],
        *[
            "0062112",
            "001 62 112",
            "0536112",
            "0536-112",
            "021 112",
            "+62 536 112",
            "+62 (0)536-112",
            "112@kota.go.id",
        ],
    ],
)
def test_112_is_refused_however_it_is_written(text: str) -> None:
    assert refused(text) == "phone_loop"


@pytest.mark.parametrize(
    "text",
    [
        *["", "+", "11", "-", "1", "0536-322111x", "021-345-CALL", "tel:110", "0536,3221113", "110&113", "110;113"],
        *["++62536", "62+536", "0812345678901234", "110\u202e", "110#", "*110", "${EXTEN}", "110|113", "110'"],
        *["110\x00", "٠٥٣٦٣٢٢١١١٣", "０５３６３２２１１１３", "1１0", "＋62 536 3221113", "²110"],
        *["damkar@kota.go.id", "<sip:a@h>", "\u017fip:a@h"],
    ],
)
def test_what_is_no_telephone_number_is_refused(text: str) -> None:
    assert refused(text) == "phone"


@pytest.mark.parametrize(
    "text", ["0536-3221113/3221114", "0536-3221113/14", "0536-3221113 / 4", "0811129129/0811129130"]
)
def test_two_numbers_are_not_run_together_into_a_third(text: str) -> None:
    assert refused(text) == "phone_several"


@pytest.mark.parametrize(
    "uri",
    [
        "sip:damkar@kota.go.id",
        "sip:+62536@192.0.2.10:5060",
        "sips:112@pusat.pulangpisau.go.id:5061",
        "sip:*12@[2001:db8::1]:5060;transport=tls",
        "sip:regu_1.siang-2@pbx;transport=udp",
        "sip:112@127.0.0.1:6060",
    ],
)
def test_a_sip_uri_is_dialled_as_it_is(uri: str) -> None:
    assert read_number(uri) == Number(uri)


def test_scheme_and_transport_are_written_in_small_letters() -> None:
    assert read_number(" SIP:Damkar@Kota.go.id;Transport=TCP ").dial == "sip:Damkar@Kota.go.id;transport=tcp"


@pytest.mark.parametrize(
    "uri",
    [
        *["sip:", "sip:112", "sip:112@", "sip:@host", "sip:host", "sips:a@", "sip:a@b@c", "sip:a:secret@host"],
        *["sip:a@-host", "sip:a@host-", "sip:a@ho..st", "sip:a@.host", "sip:a@host.", "sip:a@a_b"],
        *["sip:a@1.2.3", "sip:a@256.1.1.1", "sip:a@01.2.3.4", "sip:a@1.2.3.4.5", "sip:a@[::g]", "sip:a@[1.2.3.4]"],
        *["sip:a@::1", "sip:a@[fe80::1%eth0]", "sip:a@[::1", "sip:a@h:0", "sip:a@h:65536", "sip:a@h:", "sip:a@h:1:1"],
        *["sip:a@h;transport=ws", "sip:a@h;lr", "sip:a@h;transport=tcp;lr", "sip:a@h?Subject=x"],
        *["sips:a@h;transport=udp", "sip:a@h\x00", "sip:" + "a" * 65 + "@h", "sip:a@" + "x" * 64],
        *["sip:a&b@h", "sip:a@h&PJSIP/b@trunk", "sip:a,b@h", "sip:a@h,30", "sip:a b@h", 'sip:"a"@h', "sip:${A}@h"],
        *["sip:a@h|b", "sip:a^b@h", "sip:a(b)@h", "sip:a/b@h", "sip:a%20b@h", "sip:a\\b@h", "sip:a@h\r\nX: y"],
        *["sip:é@h", "sip:a@é.id", "sip:\u017f@h", "sip:a@ho\u212a"],
        f"sip:a@{'abc.' * 60}id",
    ],
)
def test_a_uri_that_could_say_more_than_whom_to_ring_is_refused(uri: str) -> None:
    assert refused(uri) == "sip_uri"


def test_a_uri_fits_into_what_pjsip_takes() -> None:
    host = "abc." * 60
    longest = f"sip:a@{host}"[: MAX_URI - 1].rstrip(".") + "d"
    assert read_number(longest).dial == longest
    assert refused(longest + "id" * 3) == "sip_uri"


@given(
    st.one_of(
        st.text(),
        st.text(alphabet="0126 +-./()@", max_size=20),
        st.text(alphabet="a1.:;[]@%&,$-", max_size=30).map(lambda rest: f"sip:{rest}"),
        st.tuples(st.from_regex(DIALLED, fullmatch=True), st.text(max_size=3)).map("".join),
    )
)
@example("/" * 100_000)
@example("0" * 100_000)
@example("sip:a@" + "a-" * 100_000)
@example("sip:a@" + "a." * 100_000)
def test_any_text_is_refused_or_becomes_what_may_be_dialled(text: str) -> None:
    number = outcome(text)
    if isinstance(number, Number):
        assert DIALLED.fullmatch(number.dial)
        assert number.doubtful in (None, "phone_doubtful", "phone_local", "phone_foreign")
        assert not (number.doubtful and number.placeholder)
        assert read_number(number.dial) == number
    else:
        assert number in ("phone", "phone_loop", "phone_several", "sip_uri")


WHOLE = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["0", "62", "+62", "+620"]),
        st.sampled_from(["21", "31", "536", "401", "967", "811", "822", "857"]),
        st.from_regex(r"[2-9][0-9]{6}", fullmatch=True),
    ),
)


@given(WHOLE, st.data())
def test_the_way_a_valid_number_is_spaced_changes_nothing(number: str, data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.sampled_from(SEPARATORS), min_size=len(number) - 4, max_size=len(number) - 4))
    spaced = "".join(map("".join, zip(number, [*gaps, "", "", "", ""], strict=True)))
    assert read_number(spaced) == Number(number.replace("+620", "+62"))


@given(st.text(alphabet="0123456789", min_size=3, max_size=15), st.booleans())
def test_no_duty_phone_is_refused_for_what_the_numbering_plan_says(digits: str, plus: bool) -> None:
    number = outcome("+" * plus + digits)
    if isinstance(number, Number):
        assert number.dial.removeprefix("+") in (digits, digits.replace("620", "62", 1))
    else:
        assert number == "phone_loop"
        assert digits.endswith("112")
