"""Real SIP phones driven from Python: what `ivr demo` and the system tests call with.

`baresip` is one soft phone with a microphone, ears and keys: for what people hear and press.
`sipp` is many callers or agencies at once, and the hostile ones: for load and for what no phone would send.
"""
