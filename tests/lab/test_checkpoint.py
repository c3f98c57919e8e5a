"""Checkpoints by hand: when they are due, what a manifest says, which are kept, and what is refused, for which reason."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tests.faults.writing import checkpoints, state
from walras._core.durable import sealed
from walras._core.encode import encode
from walras._core.errors import RunFolderError
from walras.lab import checkpoint
from walras.lab.checkpoint import Budget, newest, present, steps


def nothing(about):
    """No classes of a user's own."""
    return ()


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self):
        """The time."""
        return self.now


# ---- when ----


def test_the_budget_is_two_hundredths_of_the_time_and_a_second_apart():
    """The figures of the documentation."""
    assert (checkpoint.SHARE, checkpoint.LEAST, checkpoint.KEPT, checkpoint.FORMAT) == (0.02, 1.0, 2, 2)
    assert checkpoint.FOLDER == "checkpoints"


def test_a_first_write_is_taken_to_cost_what_was_guessed():
    """.03 seconds fit into 2 % of the time after 1.5 seconds; .01 would after .5, but a second has to pass."""
    clock = Clock()
    budget, cheap = Budget(clock, 0.03), Budget(clock, 0.01)
    clock.now = 100.999
    assert not cheap.due()
    clock.now = 101.0
    assert cheap.due() and not budget.due()
    clock.now = 101.51
    assert budget.due()
    usual = Budget(clock)
    clock.now += 1.01
    assert usual.due() and usual.cost == 0.02


def test_what_writes_cost_is_counted():
    """Two writes of .1 and .3 seconds: the next one, as dear as the last, is due after (.4 + .3)/.02 = 35 seconds."""
    clock = Clock()
    budget = Budget(clock)

    def taking(seconds, fails=False):
        def work():
            clock.now += seconds
            if fails:
                raise OSError
            return "done"

        return work

    assert budget.timed(taking(0.1)) == "done"
    with pytest.raises(OSError):
        budget.timed(taking(0.3, fails=True))
    assert (budget.spent, budget.cost, budget.last) == pytest.approx((0.4, 0.3, 100.4))
    clock.now = 134.99
    assert not budget.due()
    clock.now = 135.01
    assert budget.due()
    budget.timed(taking(-0.5))  # no clock goes back; if one did, nothing was free
    assert budget.cost == 0 and budget.spent == pytest.approx(0.4)


def test_maybe_writes_only_what_is_due_and_says_a_failure_once(tmp_path, monkeypatch):
    """A failure does not stop the work, is not repeated while it is the same, and is said again after a success."""
    kept, said = checkpoints(tmp_path), []
    assert not kept.maybe(1, state(1), said.append) and not kept.folder.exists()
    kept.budget.due = lambda: True
    real = checkpoint.write_aside

    def refused(path, data):
        raise RunFolderError("full")

    monkeypatch.setattr(checkpoint, "write_aside", refused)
    assert [kept.maybe(n, state(n), said.append) for n in (2, 3)] == [False, False]
    assert len(said) == 1 and said[0].startswith("no checkpoint after step 2 …: full")
    assert kept.newest is None and kept.written == 0 and "full" in kept.failed
    monkeypatch.setattr(checkpoint, "write_aside", real)
    assert kept.maybe(4, state(4), said.append)
    assert (kept.newest, kept.written, kept.failed, len(said)) == (4, 1, "", 1)
    kept.write(5, state(5))
    assert (kept.newest, kept.written) == (5, 2) and kept.budget.spent > 0
    monkeypatch.setattr(checkpoint, "write_aside", refused)
    assert not kept.maybe(6, state(6), said.append) and len(said) == 2 and kept.newest == 5


# ---- what is written ----


def test_names_and_manifest(tmp_path):
    """Six digits, the state and its sealed manifest, which says format, kind, step, size, digest and what was asked."""
    path = checkpoints(tmp_path).write(12, state(12))
    assert path == tmp_path / "checkpoints" / "000012.safetensors"
    manifest, data = json.loads(path.with_suffix(".json").read_text()), path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    wanted = {"format": 2, "kind": "test", "step": 12, "file": path.name, "bytes": len(data), "sha256": digest}
    assert manifest == wanted | {"about": {"asked": 1}, "seal": manifest["seal"]}
    assert sorted(p.name for p in path.parent.iterdir()) == ["000012.json", "000012.safetensors"]


def test_what_is_read_is_what_was_written(tmp_path):
    kept = checkpoints(tmp_path)
    for number in (3, 7):
        kept.write(number, state(number))
    seen = []
    found = newest(tmp_path, "test", lambda about: seen.append(about) or ())
    assert (found.step, found.about, found.damaged) == (7, {"asked": 1}, ()) and seen == [{"asked": 1}]
    assert int(found.value["round"]) == 7 and (found.value["rule"] == 7.0).all()


def test_steps_are_in_the_order_of_numbers(tmp_path):
    """A millionth step has seven digits, and comes after the others all the same; what is no number is none."""
    kept = checkpoints(tmp_path)
    for number in (999_999, 1_000_000):
        kept.write(number, state(number))
    (kept.folder / "notes.json").write_text("{}")
    assert [path.name for path in steps(kept.folder)] == ["999999.json", "1000000.json"]
    assert newest(tmp_path, "test", nothing).step == 1_000_000


def test_the_last_two_up_to_the_one_just_written_are_kept(tmp_path):
    """Later ones stay: they are those of a run that went further before it was resumed from here."""
    kept = checkpoints(tmp_path)
    for number in (1, 2, 9, 3):
        kept.write(number, state(number))
    orphan = kept.folder / "000000.safetensors"  # a state whose manifest was removed before the process died
    orphan.write_bytes(b"")
    kept.write(4, state(4))
    assert [path.stem for path in steps(kept.folder)] == ["000003", "000004", "000009"]
    assert sorted(p.stem for p in kept.folder.glob("*.safetensors")) == ["000003", "000004", "000009"]


# ---- what is refused ----


def with_manifest(tmp_path: Path, **changes) -> Path:
    """One checkpoint, its manifest changed and sealed again; an entry that is `None` is left out."""
    path = checkpoints(tmp_path).write(5, state(5)).with_suffix(".json")
    manifest = json.loads(path.read_text()) | changes
    path.write_bytes(sealed({k: v for k, v in manifest.items() if k != "seal" and v is not None}))
    return path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 3}, "000005.json has format 3, this Walras reads up to 2"),
        ({"file": "000006.safetensors"}, "it belongs to 000006.safetensors"),
        ({"step": 6}, "it belongs to 000005.safetensors"),
        ({"kind": "design"}, "it is of a design, not of a test"),
        ({"bytes": 1}, "000005.safetensors cannot be used: it is not what was written"),
        ({"bytes": 10**9}, "000005.safetensors cannot be used: it is not what was written"),
        ({"sha256": "0" * 64}, "its SHA-256 differs"),
        ({"sha256": None}, r"no manifest of a checkpoint \(KeyError"),
        ({"about": None}, r"no manifest of a checkpoint \(KeyError"),
        ({"about": 3}, r"no manifest of a checkpoint \(TypeError"),
        ({"step": "x"}, r"no manifest of a checkpoint \(ValueError"),
        ({"bytes": float("inf")}, r"no manifest of a checkpoint \(OverflowError"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(changes, said, tmp_path):
    """Each for its own reason, which is said with the name of the file; its seal is sound."""
    path = with_manifest(tmp_path, **changes)
    with pytest.raises(RunFolderError, match=said) as refused:
        newest(tmp_path, "test", nothing)
    assert str(path.parent) in str(refused.value)


def test_older_formats_are_read(tmp_path):
    with_manifest(tmp_path, format=1)
    assert newest(tmp_path, "test", nothing).step == 5


def test_a_damaged_one_is_passed_over_and_the_newest_is_named_if_all_are(tmp_path):
    kept = checkpoints(tmp_path)
    for number in (1, 2):
        kept.write(number, state(number))
    (kept.folder / "000002.json").write_text("{}")
    found = newest(tmp_path, "test", nothing)
    assert found.step == 1 and len(found.damaged) == 1 and "000002.json" in str(found.damaged[0])
    (kept.folder / "000001.json").write_text("{}")
    with pytest.raises(RunFolderError, match=r"000002\.json"):
        newest(tmp_path, "test", nothing)
    with pytest.raises(RunFolderError, match="no checkpoint to resume from"):
        newest(tmp_path / "nowhere", "test", nothing)


def test_states_without_manifests_are_of_format_1(tmp_path):
    """The request is in the state's own header; a state without one has lost its manifest."""
    inside = tmp_path / "checkpoints"
    inside.mkdir()
    for number in (4, 30):
        (inside / f"{number:06d}.safetensors").write_bytes(encode(state(number), {"request": {"economy": "x"}}))
    found = newest(tmp_path, "test", nothing)
    assert found.step == 30 and found.about == {"request": {"economy": "x"}} and int(found.value["round"]) == 30
    (inside / "000050.safetensors").write_bytes(encode(state(50), {"other": 1}))
    (inside / "later.safetensors").write_bytes(encode(state(60), {"request": {}}))
    found = newest(tmp_path, "test", nothing)
    assert found.step == 30 and len(found.damaged) == 2
    assert all("its manifest is missing" in str(error) for error in found.damaged)


# ---- folders ----


def test_whether_checkpoints_are_there(tmp_path):
    assert not present(tmp_path)
    inside = tmp_path / "checkpoints"
    inside.mkdir()
    (inside / "notes.txt").write_text("")
    assert not present(tmp_path)
    (inside / "000001.safetensors").write_bytes(b"")
    assert present(tmp_path)
    (inside / "000001.safetensors").rename(inside / "000001.json")
    assert present(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "checkpoints").symlink_to(inside)
    assert not present(other)


def test_folders_are_made_with_those_above_them_but_not_through_links(tmp_path):
    checkpoint.make_folder(tmp_path / "a" / "b")
    checkpoint.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(RunFolderError, match="it is a link"):
        checkpoint.make_folder(tmp_path / "link")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="could not be written"):
        checkpoint.make_folder(tmp_path / "file" / "b")


def test_finished_work_leaves_no_checkpoints(tmp_path):
    """Nor half-written files; what is somebody else's stays, and so does its folder; a link is not followed."""
    kept = checkpoints(tmp_path)
    kept.write(1, state(1))
    (kept.folder / "000002.safetensors.part").write_bytes(b"")
    (kept.folder / "000003.safetensors").write_bytes(b"")
    (kept.folder / "notes.txt").write_text("")
    checkpoint.clear(tmp_path)
    assert [path.name for path in kept.folder.iterdir()] == ["notes.txt"]
    (kept.folder / "notes.txt").unlink()
    kept.write(2, state(2))
    other = tmp_path / "other"
    other.mkdir()
    (other / "checkpoints").symlink_to(kept.folder)
    checkpoint.clear(other)
    assert present(tmp_path)
    checkpoint.clear(tmp_path)
    assert not kept.folder.exists()
    checkpoint.clear(tmp_path)


def test_arrays_come_back_to_the_bit(tmp_path):
    value = {"x": np.array([0.1, -0.0, 5e-324]), "n": np.int64(2**62), "text": "ä"}
    checkpoints(tmp_path).write(1, value)
    back = newest(tmp_path, "test", nothing).value
    assert back["x"].tobytes() == value["x"].tobytes() and back["n"] == value["n"] and back["text"] == "ä"
