"""The groups by name, in the order of the table; the module of each is imported in a process of its own."""

GROUPS: dict[str, str] = {
    "kills": "benchmarks.soak.kills",
    "learners": "benchmarks.soak.learners",
    "ends": "benchmarks.soak.ends",
    "writes": "benchmarks.soak.writes",
    "damage": "benchmarks.soak.damage",
    "fuzz": "benchmarks.soak.fuzz",
    "overhead": "benchmarks.soak.overhead",
    "calibrations": "benchmarks.soak.calibrations",
    "injections": "benchmarks.soak.injections",
    "digests": "benchmarks.soak.digests",
}
