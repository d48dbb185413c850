"""The call server behind an Indonesian city's emergency number 112."""

__version__ = "0.1.0"
