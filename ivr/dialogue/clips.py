"""Names of the sentences a caller hears: fixed ones by their id, the others by what they speak of.

>>> clip("area", "62.71.01")
'area-62-71-01'
"""

import re

GREETING = "greeting"
ASK_CATEGORY = "ask-category"
ASK_AREA = "ask-area"
ASK_KELURAHAN = "ask-kelurahan"
OPTION_OPERATOR = "option-operator"
WRONG_KEY = "wrong-key"
ASK_AGAIN = "ask-again"
TO_OPERATOR = "to-operator"
TO_STANDBY = "to-standby"
LIFELINE = "lifeline"
OPERATORS_BUSY = "operators-busy"
UNDERSTOOD_WRONG = "understood-wrong"
RINGBACK = "ringback"
COMFORT = "comfort"
REPORT_SILENT = "report-silent"
SCREEN_CALL = "screen-call"
SCREEN_UNKNOWN_CATEGORY = "screen-unknown-category"
SCREEN_UNKNOWN_PLACE = "screen-unknown-place"
SCREEN_KEYS = "screen-keys"
HANDLED = "handled"


def clip(kind: str, subject: str) -> str:
    """The clip of one kind (category, area, kelurahan, option-..., to) about one subject (an id or an area code)."""
    return f"{kind}-{re.sub('[^a-z0-9]+', '-', subject.lower())}"


def area_clip(code: str) -> str:
    """The clip naming a place: `62.71.01` is a kecamatan, a longer code a kelurahan."""
    return clip("kelurahan" if len(code) > len("62.71.01") else "area", code)
