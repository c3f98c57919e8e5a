"""The long form of the tests of reliability: `make soak`.

A group is a module with a function `run(given)` that returns rows; it is listed in `groups.GROUPS`. Each group starts in a
process of its own, so that it may set threads, limits and signals as it likes. `python -m benchmarks.soak --only kills`.
"""
