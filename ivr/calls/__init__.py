"""The record of calls: what happened to each call, when, and who says so.

Every fact is an `events.Event`; a call's row is a projection of its events. `writer.CallLog` takes events from
any thread, `celfile` and `cel` read what Asterisk itself wrote, `sweep` compares the two, `recordings` checks
the sound files, `query`, `show` and `cli` are for people.
"""
