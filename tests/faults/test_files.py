"""Writes that fail, damaged files, two processes at once, links, a clock that jumps, files of older formats."""

import fcntl
import os
import random
import subprocess
import sys

import numpy as np
import pytest

from tests.faults import damage, writing
from tests.faults.server import digest
from walras._core.errors import RunFolderError
from walras.lab import checkpoint, store
from walras.lab.lock import LOCK, locked

FORMATS = damage.FORMATS.parent


def test_no_failed_write_of_a_checkpoint_loses_one(tmp_path):
    found = writing.failing_checkpoints(tmp_path)
    assert found.cases >= 11 * 10 and not found.wrong, found.wrong[:5]


def test_no_failed_addition_damages_a_finished_run(tmp_path):
    found = writing.failing_additions(tmp_path, ("ENOSPC", "EIO"))
    assert found.cases >= 60 and not found.wrong, found.wrong[:5]


def test_the_kernel_refuses_to_write_more(tmp_path):
    found = writing.full_disk(tmp_path)
    assert found.cases >= 50 and not found.wrong, found.wrong[:5]


def test_a_failed_checkpoint_does_not_stop_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "LEAST", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", np.inf)
    kept, said = writing.checkpoints(tmp_path / "run"), []
    with writing.Shim(tmp_path / "run", tmp_path / "log", writing.Fault("ENOSPC", 3, lasting=True)):
        for number in range(5):
            assert not kept.maybe(number, writing.state(number), said.append)
    assert len(said) == 5 or len(set(said)) == len(said)  # the same sentence is not said twice
    assert "000000.safetensors" in said[0] and "Free space" in said[0]
    assert kept.maybe(5, writing.state(5), said.append) and writing.newest(tmp_path / "run") == 5


@pytest.mark.parametrize("kind", damage.KINDS)
def test_damage_is_noticed_and_named(kind, tmp_path):
    found = damage.examine(kind, tmp_path, flips=80, cuts=40)
    assert found.flips == 80 and found.cuts >= 30 and not found.missed, found.missed[:5]


def test_a_damaged_newest_checkpoint_is_passed_over_by_name(tmp_path):
    kept = writing.checkpoints(tmp_path)
    for number in (1, 2):
        kept.write(number, writing.state(number))
    path = tmp_path / "checkpoints" / "000002.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    found = checkpoint.newest(tmp_path, "test", lambda _: ())
    assert found.step == 1 and "000002.safetensors" in str(found.damaged[0])
    # Files of two steps that were swapped are what was written, but not where it was.
    for suffix in (".json", ".safetensors"):
        one, two = (tmp_path / "checkpoints" / f"00000{n}{suffix}" for n in (1, 2))
        one.rename(tmp_path / "x")
        two.rename(one)
        (tmp_path / "x").rename(two)
    with pytest.raises(RunFolderError, match="belongs to"):
        checkpoint.newest(tmp_path, "test", lambda _: ())
    with pytest.raises(RunFolderError, match="is of a test, not of a solve"):
        kept.write(3, writing.state(3))
        for n in (1, 2):
            (tmp_path / "checkpoints" / f"00000{n}.json").unlink(missing_ok=True)
        checkpoint.newest(tmp_path, "solve", lambda _: ())


def test_only_the_last_few_are_kept(tmp_path):
    kept = writing.checkpoints(tmp_path)
    for number in range(7):
        kept.write(number, writing.state(number))
    left = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert left == [f"00000{n}.{suffix}" for n in (5, 6) for suffix in ("json", "safetensors")]
    checkpoint.clear(tmp_path)
    assert not (tmp_path / "checkpoints").exists()


HOLD = "import fcntl, os, sys, time; h = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT); fcntl.flock(h, fcntl.LOCK_EX); " \
       "os.write(h, str(os.getpid()).encode()); print('held', flush=True); time.sleep(60)"  # fmt: skip


def test_two_processes_on_one_folder(tmp_path):
    """The second is refused by name of the first; when the first is killed, nothing has to be removed by hand."""
    other = subprocess.Popen([sys.executable, "-S", "-c", HOLD, str(tmp_path / LOCK)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None and other.stdout.readline() == "held\n"
    try:
        with pytest.raises(RunFolderError, match=f"in use by another process \\(number {other.pid}\\)"), locked(tmp_path):
            pass
        with pytest.raises(RunFolderError, match="in use by another process"), store.prepare(tmp_path, force=True):
            pass
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    with locked(tmp_path):
        assert (tmp_path / LOCK).exists()
    assert not (tmp_path / LOCK).exists()


def test_a_lock_that_was_removed_by_its_holder_is_taken_anew(tmp_path, monkeypatch):
    """Between opening the file and locking it the last holder may have removed it: then a lock on it would be worth nothing."""
    real, turns = fcntl.flock, []

    def late(handle, how):
        if not turns:
            turns.append(1)
            os.unlink(tmp_path / LOCK)
        return real(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with locked(tmp_path):
        assert (tmp_path / LOCK).exists()
        with pytest.raises(RunFolderError, match="in use"), locked(tmp_path):
            pass


def test_links_lead_nowhere(tmp_path):
    """Nothing is read through links, and nothing written beside the folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    run = tmp_path / "run"
    run.mkdir()
    (run / "checkpoints").symlink_to(outside)
    with pytest.raises(RunFolderError, match="link"):
        writing.checkpoints(run).write(1, writing.state(1))
    assert not checkpoint.present(run)
    checkpoint.clear(run)
    (run / "checkpoints").unlink()
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "000001.safetensors.part").symlink_to(outside / "victim")
    with pytest.raises(RunFolderError, match="could not be written"):
        writing.checkpoints(run).write(1, writing.state(1))
    assert not any(outside.iterdir())


@pytest.mark.parametrize("name", ["../victim", "/etc/passwd", "..", ".", "", "a/b", "a\0b", "sub/../../victim"])
def test_a_manifest_that_names_files_elsewhere(tmp_path, name):
    import json
    import shutil

    from walras._core.durable import read_sealed, sealed

    run = tmp_path / "run"
    shutil.copytree(damage.FORMATS / "solve", run)
    manifest = read_sealed(run / "manifest.json")
    manifest["files"][name] = "0" * 64
    (run / "manifest.json").write_bytes(sealed(manifest))
    with pytest.raises(RunFolderError, match=r"manifest\.json names"):
        store.verify(run)
    json.dumps(manifest)


@pytest.mark.parametrize("seed", range(5))
def test_checkpoints_stay_within_their_share_whatever_a_write_costs(seed):
    """A clock of our own: writes of any cost take at most 2 % of the time, plus the last one."""
    generator, now = random.Random(seed), [1000.0 * seed]
    budget = checkpoint.Budget(clock=lambda: now[0])
    costs = []
    for _ in range(20_000):
        now[0] += generator.expovariate(10.0)
        if budget.due():
            cost = generator.choice((0.003, 0.03, 0.3)) * generator.random()
            budget.timed(lambda cost=cost: now.__setitem__(0, now[0] + cost))
            costs.append(cost)
    assert len(costs) > 20
    assert sum(costs) <= checkpoint.SHARE * (now[0] - 1000.0 * seed) + max(costs)


def test_a_clock_that_jumps(tmp_path, monkeypatch):
    """The time of day is of no importance; a monotonic clock that misbehaves all the same delays a write, and loses none."""
    import time

    monkeypatch.setattr(time, "time", lambda: -1e9)
    now = [0.0]
    kept = writing.checkpoints(tmp_path)
    kept.budget = checkpoint.Budget(clock=lambda: now[0])
    for number, jump in enumerate((100.0, -1e6, 1e7, 0.0, -5.0, 1e3)):
        now[0] += jump
        kept.maybe(number, writing.state(number), print)
    kept.write(9, writing.state(9))
    assert writing.newest(tmp_path) == 9 and kept.budget.spent >= 0


@pytest.mark.parametrize("number", ["1", "2"])
def test_every_older_format_is_read(number):
    """A finished run, and one that was interrupted, written by the version that had this format."""
    solution = store.load(FORMATS / number / "solve")
    assert solution.name == "BrockMirman" and int(solution.loop.round) == 5 and solution.seed == 1
    assert digest(solution.loop) == digest(store.load(FORMATS / "2" / "solve").loop)
    lab, loop, request, damaged = store.read_checkpoint(FORMATS / number / "interrupted")
    assert int(loop.round) == 0 and request.seed == 1 and not damaged and lab.preset.name == "fast"
    assert digest(loop) == digest(store.read_checkpoint(FORMATS / "2" / "interrupted")[1])


def test_a_newer_format_says_so(tmp_path):
    import shutil

    from walras._core.durable import read_sealed, sealed

    run = tmp_path / "run"
    shutil.copytree(FORMATS / "2" / "interrupted", run)
    path = run / "checkpoints" / "000000.json"
    path.write_bytes(sealed({**read_sealed(path), "format": 99}))
    with pytest.raises(RunFolderError, match="format 99"):
        store.read_checkpoint(run)
