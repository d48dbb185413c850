"""Test calls: every few minutes the server calls its own 112, and a human hears of it when nobody would be answered.

Asterisk itself is the caller (asterisk-config/extensions.conf, [heartbeat]); it is asked by a file in its spool
folder (`callfile`), and what came of it stands in CEL (`result`). `job` does so for the controller, `cli` for people,
`last` keeps what the alarms look at.
"""
