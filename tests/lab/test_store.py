"""Run folders by hand: where a run may be written, how one replaces another, what a manifest lists and what it refuses."""

import dataclasses
import functools
import hashlib
import json
import os

import numpy as np
import pytest

import walras as w
from walras._core.durable import read_sealed, sealed
from walras._core.errors import RunFolderError
from walras.diagnose.certificate import failed
from walras.lab import store
from walras.lab.lock import LOCK, locked
from walras.lab.request import Request

ASKED = Request(economy="brock-mirman", calibration="textbook", learners={}, preset="fast", seed=3)


@functools.cache
def brock_mirman():
    """Brock and Mirman's economy, solved."""
    return w.solve(w.economies.BrockMirman.textbook(), preset="fast", key=3)


def sha(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def a_run(folder, files=None, **more):
    """A folder with files and a manifest that lists them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"summary.json": b"{}"} if files is None else files
    for name, data in files.items():
        (folder / name).write_bytes(data)
    manifest = {"format": 2, "files": {name: sha(data) for name, data in files.items()}, **more}
    (folder / "manifest.json").write_bytes(sealed(manifest))
    return folder


# ---- where a run may be written ----


def test_a_new_or_empty_folder_is_written_into_and_nothing_is_left_where_nothing_was_written(tmp_path):
    for folder in (tmp_path / "new", tmp_path / "deep" / "new", tmp_path / "empty"):
        if folder.name == "empty":
            folder.mkdir()
            (folder / LOCK).write_text("")  # of a process that was killed
        with store.prepare(folder, force=False) as work:
            assert work == folder and (work / "checkpoints").is_dir() and (work / LOCK).exists()
        assert not folder.exists()
        with store.prepare(folder, force=False) as work:
            (work / "summary.json").write_text("{}")
        assert sorted(p.name for p in folder.iterdir()) == ["checkpoints", "summary.json"]


def test_checkpoints_of_a_run_that_was_given_up_stay(tmp_path):
    """A copy of the economy's file alone is nothing; a checkpoint is something."""
    with store.prepare(tmp_path / "run", force=False) as work:
        (work / "economy.py").write_text("")
    assert not (tmp_path / "run").exists()
    with pytest.raises(KeyError), store.prepare(tmp_path / "run", force=False) as work:
        (work / "checkpoints" / "000001.json").write_text("{}")
        raise KeyError
    assert [p.name for p in (tmp_path / "run" / "checkpoints").iterdir()] == ["000001.json"]


@pytest.mark.parametrize("force", [False, True])
def test_what_is_there_is_not_overwritten_unasked(tmp_path, force):
    """A finished run, an interrupted one, somebody's files: each is refused with its own remedy; `force` takes runs only."""
    finished, begun, foreign = a_run(tmp_path / "finished"), tmp_path / "begun", tmp_path / "foreign"
    (begun / "checkpoints").mkdir(parents=True)
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("")
    if not force:
        with pytest.raises(RunFolderError, match="already holds a finished run") as refused, store.prepare(finished, force):
            pass
        assert "--force to replace it." in str(refused.value) and "walras resume" not in str(refused.value)
        for folder in (begun, foreign):
            with (
                pytest.raises(RunFolderError, match=r"it is not empty.*walras resume") as refused,
                store.prepare(folder, force),
            ):
                pass
        return
    for folder in (finished, begun):
        with store.prepare(folder, force) as work:
            assert work == folder.with_name(folder.name + ".new") and folder.exists()
            (work / "summary.json").write_text("new")
    with pytest.raises(RunFolderError, match="no run wrote"), store.prepare(foreign, force):
        pass
    assert (foreign / "thesis.tex").exists() and not foreign.with_name("foreign.new").exists()


def test_what_a_replacement_that_was_given_up_left_is_removed(tmp_path):
    """Folders, files, and links but not what they lead to."""
    folder, kept = a_run(tmp_path / "run"), tmp_path / "kept"
    kept.mkdir()
    (kept / "precious").write_text("")
    work = tmp_path / "run.new"
    (work / "checkpoints").mkdir(parents=True)
    (work / "checkpoints" / "000001.json").write_text("{}")
    (work / "summary.json").write_text("old")
    (work / "link").symlink_to(kept)
    with store.prepare(folder, force=True) as again:
        assert again == work and {p.name for p in work.iterdir()} == {LOCK, "checkpoints"}
        assert not list((work / "checkpoints").iterdir())
    assert (kept / "precious").exists()


def test_a_run_that_another_process_is_writing_is_not_taken(tmp_path):
    folder = a_run(tmp_path / "run")
    with locked(folder), pytest.raises(RunFolderError, match="in use by another process"), store.prepare(folder, force=True):
        pass
    with (
        locked(tmp_path / "run.new"),
        pytest.raises(RunFolderError, match="in use by another process"),
        store.prepare(folder, force=True),
    ):
        pass


# ---- replacing ----


def test_a_complete_run_takes_the_place_of_the_old_one(tmp_path):
    old, new = a_run(tmp_path / "run"), a_run(tmp_path / "run.new", {"summary.json": b"[]"})
    (new / "checkpoints").mkdir()
    (new / "checkpoints" / "000001.json").write_text("{}")
    (new / LOCK).write_text("")
    store.replace(new, old)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]
    assert sorted(p.name for p in old.iterdir()) == ["manifest.json", "summary.json"]
    assert (old / "summary.json").read_bytes() == b"[]"
    (old / "checkpoints").mkdir()
    store.replace(old, old)
    assert sorted(p.name for p in old.iterdir()) == ["manifest.json", "summary.json"]


def test_a_replacement_that_was_cut_off_is_completed_by_who_comes_next(tmp_path):
    """Between the two renames the old run lies aside and the new one is complete: the new one is put in place."""
    folder, aside = tmp_path / "run", tmp_path / ".run.replaced"
    a_run(aside)
    store.settle(folder)  # no new one that is complete: nothing is done
    assert aside.exists() and not folder.exists()
    unfinished = tmp_path / "run.new"
    unfinished.mkdir()
    store.settle(folder)
    assert not folder.exists() and unfinished.exists()
    a_run(unfinished, {"summary.json": b"[]"})
    store.settle(folder)
    assert (folder / "summary.json").read_bytes() == b"[]" and not (folder / LOCK).exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]
    a_run(tmp_path / "run.new")  # without an old one aside, a new one is only an unfinished replacement
    store.settle(folder)
    assert (tmp_path / "run.new").exists() and (folder / "summary.json").read_bytes() == b"[]"


def test_the_old_run_is_kept_until_the_new_one_stands(tmp_path):
    """Left aside beside no finished run, it is not removed."""
    folder, aside = tmp_path / "run", a_run(tmp_path / ".run.replaced")
    folder.mkdir()
    store.settle(folder)
    assert aside.exists()
    a_run(folder)
    store.settle(folder)
    assert not aside.exists()


# ---- manifests ----


def test_hashes_are_of_plain_files_that_are_complete(tmp_path):
    """Not of the manifest, the lock, what is being written, folders and links."""
    for name in ("a.json", "manifest.json", LOCK, "b.json.part"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a.json")
    assert store.hashes(tmp_path) == {"a.json": sha(b"a.json")}


def test_a_file_that_is_added_is_announced_before_it_is_written(tmp_path, monkeypatch):
    """At every moment each file is what the manifest lists or announces; the same bytes again announce nothing."""
    folder, seen = a_run(tmp_path / "run"), []
    real = store.write_aside

    def watched(path, data):
        real(path, data)
        there = read_sealed(folder / "manifest.json")
        seen.append((path.name, there.get("replacing"), sorted(there["files"])))
        store.verify(folder)

    monkeypatch.setattr(store, "write_aside", watched)
    for content in (b"one", b"two", b"two"):
        assert store.add(folder, "x.nc", content) == folder / "x.nc" and not (folder / LOCK).exists()
    both = ["summary.json", "x.nc"]
    assert seen == [
        ("manifest.json", {"x.nc": sha(b"one")}, ["summary.json"]),
        ("x.nc", {"x.nc": sha(b"one")}, ["summary.json"]),
        ("manifest.json", None, both),
        ("manifest.json", {"x.nc": sha(b"two")}, both),
        ("x.nc", {"x.nc": sha(b"two")}, both),
        ("manifest.json", None, both),
        ("x.nc", None, both),
        ("manifest.json", None, both),
    ]
    assert read_sealed(folder / "manifest.json")["format"] == 2 and store.verify(folder)["files"]["x.nc"] == sha(b"two")


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ".", "", "x" * 201, "a\0b"])
def test_names_that_lead_elsewhere_are_refused(name, tmp_path):
    """The names are checked before anything is read; two hundred letters are allowed."""
    folder = a_run(tmp_path / "run", {"x" * 200: b""})
    store.verify(folder)
    (folder / "manifest.json").write_bytes(sealed({"format": 2, "files": {name: sha(b"")}}))
    with pytest.raises(RunFolderError, match="no file of the folder"):
        store.verify(folder)
    (folder / "manifest.json").write_bytes(sealed({"format": 2, "files": {}, "replacing": {name: sha(b"")}}))
    with pytest.raises(RunFolderError, match="no file of the folder"):
        store.verify(folder)


def test_files_that_differ_are_missing_or_are_links_are_named(tmp_path):
    folder = a_run(tmp_path / "run", {"a": b"1", "b": b"2"})
    (folder / "b").write_bytes(b"3")
    with pytest.raises(RunFolderError, match="b is not what the run wrote"):
        store.verify(folder)
    (folder / "b").unlink()
    with pytest.raises(RunFolderError, match="b is missing"):
        store.verify(folder)
    (tmp_path / "else").write_bytes(b"2")
    (folder / "b").symlink_to(tmp_path / "else")
    with pytest.raises(RunFolderError, match="b is missing, or no plain file"):
        store.verify(folder)
    with pytest.raises(RunFolderError, match="no such run folder"):
        store.verify(tmp_path / "nowhere")
    for files in ([], None, "a"):
        (folder / "manifest.json").write_bytes(sealed({"format": 2, "files": files}))
        with pytest.raises(RunFolderError, match="lists no files"):
            store.verify(folder)
    (folder / "manifest.json").write_bytes(sealed({"format": 2, "files": {}, "replacing": 3}))
    with pytest.raises(RunFolderError, match="lists no files"):
        store.verify(folder)


def test_what_is_announced_may_be_there_or_not(tmp_path):
    """The old file or the new one, or none yet where there was none; anything else is damage."""
    coming = {"a": sha(b"new"), "c": sha(b"new")}
    folder = a_run(tmp_path / "run", {"a": b"old"}, replacing=coming)
    store.verify(folder)
    for name in ("a", "c"):
        (folder / name).write_bytes(b"new")
        store.verify(folder)
        (folder / name).write_bytes(b"other")
        with pytest.raises(RunFolderError, match=f"{name} is not what the run wrote"):
            store.verify(folder)
        (folder / name).write_bytes(b"new")
    (folder / "a").unlink()
    with pytest.raises(RunFolderError, match="a is missing"):
        store.verify(folder)


def test_a_file_that_another_process_writes_meanwhile_is_no_damage(tmp_path, monkeypatch):
    """The manifest is read again where a file does not fit; only a manifest that stands still accuses."""
    folder = a_run(tmp_path / "run", {"a": b"old"})
    stale = read_sealed(folder / "manifest.json")
    a_run(folder, {"a": b"new"})
    real, turns = store.read_sealed, []

    def late(path):
        turns.append(1)
        return stale if len(turns) == 1 else real(path)

    monkeypatch.setattr(store, "read_sealed", late)
    assert store.verify(folder)["files"]["a"] == sha(b"new") and len(turns) == 2


# ---- what a run says ----


def test_json_keeps_letters_and_numbers_and_refuses_the_rest():
    assert store.as_json({"β": np.float64(0.5), "n": np.int64(2)}) == '{\n  "β": 0.5,\n  "n": 2\n}\n'.encode()
    with pytest.raises(TypeError, match="set is not JSON"):
        store.as_json({"x": {1}})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run of Brock and Mirman's economy."""
    with store.prepare(tmp_path_factory.mktemp("runs") / "bm", force=False) as work:
        store.finish(work, brock_mirman(), ASKED, 1.5)
    return work


def test_the_manifest_of_a_run(folder):
    manifest = store.verify(folder)
    assert (manifest["format"], manifest["seed"], manifest["device"]) == (2, 3, "cpu")
    assert set(manifest["versions"]) == {"walras", "jax", "jaxlib", "numpy", "equinox", "xarray"}
    assert manifest["request"] == ASKED.model_dump(mode="json") and manifest["created"].endswith("+00:00")
    by_name = {entry["name"]: entry for entry in manifest["parameters"]}
    assert by_name["household.beta"] == {
        "name": "household.beta", "value": pytest.approx(0.96), "unit": "per period", "meaning": "discount factor"
    }  # fmt: skip
    assert manifest["description"].startswith("Brock and Mirman (1972)")
    assert set(manifest["files"]) == {"solution.safetensors", "simulation.nc", "summary.json"}


def test_the_summary_of_a_run(folder):
    summary, solution = json.loads((folder / "summary.json").read_text()), brock_mirman()
    assert (summary["economy"], summary["calibration"], summary["preset"]) == ("brock-mirman", "textbook", "fast")
    assert summary["learners"] == {"household": "euler"} and summary["seconds"]["total"] == 1.5
    assert summary["seed"] == solution.seed and summary["verdict"] == solution.verdict
    assert summary["reasons"] == list(solution.certificate.reasons)
    figures = {check["figure"]: check for check in summary["checks"]}
    assert len(figures) == len(solution.certificate.findings)
    for finding in solution.certificate.findings:
        told = figures[finding.figure]
        assert (told["value"], told["unit"], told["threshold"]) == (finding.value, finding.unit, finding.threshold)
        assert (told["passed"], told["where"], told["meaning"]) == (finding.passed, finding.where, finding.meaning)
        assert told["remedy"] == finding.remedy
    assert summary["thresholds"] and set(summary["thresholds"]) <= set(summary["accuracy"])
    named = store.summary(solution, ASKED.model_copy(update={"learners": {"household": "x.py:Mine"}}), 0.0)
    assert named["learners"] == {"household": "x.py:Mine"}


def test_a_run_is_read_as_it_was_written(folder):
    back = store.load(folder)
    assert (back.name, back.preset, back.seed) == ("BrockMirman", "fast", 3)
    a, b = (np.asarray(s.loop.economy.exo) for s in (back, brock_mirman()))
    assert (a == b).all() and store.load(str(folder)).seed == 3


def test_a_run_that_failed_has_a_summary_and_no_solution(tmp_path):
    none = dataclasses.replace(brock_mirman(), lab=None, loop=None, evidence=None, certificate=failed("nothing there"))
    with store.prepare(tmp_path / "run", force=False) as work:
        store.finish(work, none, ASKED, 0.1)
    assert set(store.verify(work)["files"]) == {"summary.json"} and store.is_finished(work)
    assert store.verify(work)["parameters"] == [] and store.verify(work)["description"] == ""
    summary = json.loads((work / "summary.json").read_text())
    assert summary["learners"] == {} and summary["reasons"] == ["nothing there"]
    with pytest.raises(RunFolderError, match="failed and holds no solution"):
        store.load(work)


def test_an_economys_own_file_is_copied_once(tmp_path):
    source, work = tmp_path / "mine.py", tmp_path / "run"
    source.write_text("one")
    work.mkdir()
    asked = ASKED.model_copy(update={"economy": f"{source}:Mine"})
    store.keep_copy(work, ASKED)
    assert not os.listdir(work)
    store.keep_copy(work, asked)
    source.write_text("two")
    store.keep_copy(work, asked)
    assert (work / "economy.py").read_text() == "one"
    source.unlink()
    store.keep_copy(tmp_path, asked)
    assert not (tmp_path / "economy.py").exists()


def test_only_what_was_interrupted_can_be_resumed(folder, tmp_path):
    """No folder, nothing in it, a finished run, a checkpoint of something else: each says what it is."""
    with pytest.raises(RunFolderError, match="no such run folder"):
        store.read_checkpoint(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match="Start it with `walras solve`"):
        store.read_checkpoint(tmp_path)
    with pytest.raises(RunFolderError, match="needs no resuming"):
        store.read_checkpoint(folder)
    kept, solution = store.checkpoints(tmp_path, ASKED), brock_mirman()
    for number, value in enumerate(({"lab": 1, "loop": solution.loop}, {"lab": solution.lab}, [1])):
        kept.write(number, value)
        with pytest.raises(RunFolderError, match="no laboratory and state"):
            store.read_checkpoint(tmp_path)
    kept.write(9, {"lab": solution.lab, "loop": solution.loop})
    lab, loop, asked, damaged = store.read_checkpoint(tmp_path)
    assert (asked, damaged) == (ASKED, ()) and int(loop.round) == int(solution.loop.round)
    assert lab.preset == solution.lab.preset and kept.kind == "solve"
