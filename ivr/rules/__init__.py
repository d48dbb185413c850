"""routing_rules.yaml -> Rules -> Plan. Pure: the only I/O is reading the file."""

from ivr.rules.load import load_rules
from ivr.rules.model import Rules
from ivr.rules.parts import Agency, Category, Kecamatan, Kelurahan, Line
from ivr.rules.problems import Problem, RulesError
from ivr.rules.route import Plan, Step, asks_kelurahan, route
from ivr.rules.segments import Segment, dated_segments, week_segments

__all__ = [
    "Agency",
    "Category",
    "Kecamatan",
    "Kelurahan",
    "Line",
    "Plan",
    "Problem",
    "Rules",
    "RulesError",
    "Segment",
    "Step",
    "asks_kelurahan",
    "dated_segments",
    "load_rules",
    "route",
    "week_segments",
]
