"""The figures of docs/benchmarks.md: each a distribution over calls, or a ratio taken side by side in one run.

They are measured, never asserted: no test depends on them. `python -m bench --help` says how to run them.
"""
