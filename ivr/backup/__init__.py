"""Backup and restore of one installation: everything that cannot be made again, in one checked file."""
