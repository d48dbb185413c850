"""Random calls under random faults, made again by their seed: is every caller reached, is every call in the log?

`plan` says what everybody does and what breaks when, `run` does it on a real server, `judge` compares what the
callers themselves saw with the log. `python -m bench.chaos --help`.
"""
