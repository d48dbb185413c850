"""What the caller is asked, and what was understood. Knows neither Asterisk nor the rules."""

from ivr.dialogue import clips
from ivr.dialogue.conversation import Caller, Choice, Manners, Question, Script, Understanding, converse

__all__ = ["Caller", "Choice", "Manners", "Question", "Script", "Understanding", "clips", "converse"]
