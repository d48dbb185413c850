"""Every parser that reads what others wrote, by the name under which it is fuzzed."""

from collections.abc import Mapping

from bench.fuzz import state
from bench.fuzz.agi import Conversation
from bench.fuzz.agi_request import Request
from bench.fuzz.ami import Stream
from bench.fuzz.cel import Rows
from bench.fuzz.journal import Lines
from bench.fuzz.parser import Maker
from bench.fuzz.recording import Recording, RecordingName
from bench.fuzz.rules import RulesFile
from bench.fuzz.shown import Shown
from bench.fuzz.webhook import Reply

PARSERS: Mapping[str, Maker] = {
    "agi-request": Request,
    "agi": Conversation,
    "ami": Stream,
    "cel": Rows,
    "shown": Shown,
    "recording": Recording,
    "recording-name": RecordingName,
    "rules-status": state.rules_status,
    "rules-history": state.rules_history,
    "rules-request": state.rules_request,
    "secrets": state.secrets_file,
    "manifest": state.prompts_manifest,
    "alarms": state.alarms_book,
    "restarts": state.restarts_count,
    "heartbeat": state.heartbeat_last,
    "backup": state.backup_manifest,
    "journal": Lines,
    "webhook": Reply,
    "rules": RulesFile,
}
