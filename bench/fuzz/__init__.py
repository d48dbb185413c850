"""Hostile input by the hundred thousand: every parser answers as documented, and nothing else happens."""
