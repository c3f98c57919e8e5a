"""On an accelerator: the same numbers as on the processor, the same bits in the deterministic mode."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import walras as w
from walras._core.tree import named_arrays
from walras.learners.preset import preset
from walras.loop import advance
from walras.solve import laboratory

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(jax.default_backend() == "cpu", reason="needs an accelerator"),
]


def after(rounds: int):
    """The state of a structural solve after so many rounds, on whatever device is the default."""
    economy, learners = w.economies.KrusellSmith.srl2025(), {"household": w.learners.StructuralRL()}
    lab, loop = laboratory(economy, learners, None, None, preset("fast"), 0)
    return advance(lab, loop, rounds)


def test_rounds_run_on_the_accelerator_and_give_the_numbers_of_the_processor():
    there = after(30)
    assert {array.device.platform for array in jax.tree_util.tree_leaves(there.learners)} == {jax.default_backend()}
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        here = after(30)
    for name, array in named_arrays(here).items():
        np.testing.assert_allclose(named_arrays(there)[name], array, rtol=1e-6, atol=1e-9, err_msg=name)


def test_a_solve_is_certified():
    solution = w.solve(w.economies.KrusellSmith.srl2025(), {"household": w.learners.StructuralRL()})
    assert solution.verdict == "certified"


def test_the_deterministic_mode_repeats_its_bits():
    # This process may hold most of the memory: the others take what they need.
    mode = {"XLA_FLAGS": "--xla_gpu_deterministic_ops=true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    environment = {**os.environ, **mode}
    command = [sys.executable, "-m", "tests.digests", "--learner", "recurrent", "--repeats", "2", "--rounds", "20"]
    folder = Path(__file__).parent.parent
    runs = [subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True) for _ in range(2)]
    assert len({line for run in runs for line in run.stdout.split()}) == 1
