"""Which modules are mutated, and which tests have to notice: those of the module, the quickest first (tests stop at the first)."""

ECONOMY = ("tests/waist/test_brock_mirman.py", "tests/waist/test_krusell_smith.py", "tests/waist/test_huggett.py")
CHECKS = ("tests/diagnose/test_checks.py",)
FAULTS = (*CHECKS, "tests/diagnose/test_planted_faults.py")

TESTS: dict[str, tuple[str, ...]] = {
    "economy/agent.py": (
        "tests/waist/test_brock_mirman.py",
        "tests/waist/test_two_stocks.py",
        "tests/waist/test_krusell_smith.py",
    ),
    "economy/economy.py": ("tests/economy/test_period.py", *ECONOMY),
    "economy/foc.py": ("tests/economy/test_foc.py",),
    "economy/information.py": ("tests/economy/test_information.py",),
    "economy/path.py": ("tests/economy/test_path.py",),
    "economy/period.py": (
        "tests/economy/test_period.py",
        *ECONOMY,
        "tests/waist/test_cournot.py",
        "tests/waist/test_overlapping.py",
        "tests/waist/test_curry.py",
    ),
    "economy/population.py": (
        "tests/economy/test_population.py",
        *ECONOMY,
        "tests/waist/test_overlapping.py",
        "tests/waist/test_curry.py",
    ),
    "economy/preferences.py": ("tests/economy/test_preferences.py",),
    "economy/process.py": ("tests/economy/test_process.py",),
    "economy/rule.py": ("tests/economy/test_rule.py", "tests/economy/test_information.py", "tests/waist/test_huggett.py"),
    "economy/space.py": ("tests/economy/test_space.py",),
    "economy/task.py": ("tests/economy/test_task.py", "tests/waist/test_krusell_smith.py", "tests/waist/test_cournot.py"),
    "economy/taxes.py": ("tests/economy/test_taxes.py",),
    "diagnose/accounts.py": FAULTS,
    "diagnose/best_response.py": FAULTS,
    "diagnose/certificate.py": FAULTS,
    "diagnose/clearing.py": FAULTS,
    "diagnose/collapse.py": FAULTS,
    "diagnose/beside_tables.py": (
        "tests/diagnose/test_beside_tables_by_hand.py",
        "tests/diagnose/test_beside_tables.py",
    ),
    "diagnose/den_haan.py": FAULTS,
    "diagnose/determinacy.py": (
        "tests/diagnose/test_determinacy.py",
        *CHECKS,
        "tests/diagnose/test_several.py",
    ),
    "diagnose/deviating.py": (
        "tests/diagnose/test_exploitability_by_hand.py",
        "tests/diagnose/test_exploitability.py",
    ),
    "diagnose/euler.py": FAULTS,
    "diagnose/evidence.py": FAULTS,
    "diagnose/exploitability.py": (
        "tests/diagnose/test_exploitability_by_hand.py",
        "tests/diagnose/test_exploitability.py",
    ),
    "diagnose/finding.py": FAULTS,
    "diagnose/laws.py": ("tests/diagnose/test_restricted_by_hand.py", "tests/diagnose/test_restricted.py"),
    "diagnose/long_horizon.py": ("tests/diagnose/test_long_horizon_by_hand.py", "tests/diagnose/test_long_horizon.py"),
    "diagnose/nodes.py": FAULTS,
    "diagnose/reliability.py": ("tests/diagnose/test_reliability.py", "tests/diagnose/test_long_horizon.py"),
    "diagnose/rest.py": (*CHECKS, "tests/diagnose/test_wrong_solvers.py"),
    "diagnose/restricted.py": ("tests/diagnose/test_restricted_by_hand.py", "tests/diagnose/test_restricted.py"),
    "diagnose/stability.py": ("tests/diagnose/test_stability_by_hand.py", "tests/diagnose/test_stability.py"),
    "diagnose/uniqueness.py": ("tests/diagnose/test_uniqueness.py", *CHECKS, "tests/diagnose/test_several.py"),
    "diagnose/unseen.py": FAULTS,
    "lab/checkpoint.py": ("tests/lab/test_checkpoint.py", "tests/faults/test_files.py"),
    "lab/store.py": ("tests/lab/test_store.py", "tests/test_run_folder.py"),
}
