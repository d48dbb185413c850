"""routing_rules.yaml -> Rules -> Plan. Pure: the only I/O is reading the file."""

from ivr.rules.load import load_rules
from ivr.rules.model import Agency, Category, Kecamatan, Kelurahan, Line, Rules
from ivr.rules.problems import Problem, RulesError
from ivr.rules.route import Plan, Segment, Step, asks_kelurahan, route, week_segments

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
    "load_rules",
    "route",
    "week_segments",
]
