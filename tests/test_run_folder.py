"""The command line and the run folder: every verb on one small solve, interruption to the same bits, damage, bad input."""

import json
import os
import signal
import sys

import numpy as np
import pytest

from walras import cli
from walras._core.encode import decode
from walras._core.errors import InputError, RunFolderError
from walras.lab import experiment, store
from walras.lab.request import Request, build
from walras.lab.stopping import Stopped

ASKED = Request(economy="krusell-smith", calibration="dhjj2010", preset="fast", seed=1)


def command(*arguments: str) -> int:
    """Run the command line in this process; its exit status."""
    old, sys.argv = sys.argv, ["walras", *arguments]
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.argv = old
    return 0


def opened(path, force):
    """Prepare a folder and leave it."""
    with store.prepare(path, force):
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run of Krusell–Smith, fast preset."""
    path = tmp_path_factory.mktemp("runs") / "ks"
    experiment.run(ASKED, path, False, lambda text: None, lambda: 1.0)
    return path


def test_the_folder_holds_what_the_design_says(folder):
    """Files, summary and manifest have the stable names on which scripts depend."""
    assert {"manifest.json", "summary.json", "solution.safetensors", "simulation.nc", "report.html"} <= set(os.listdir(folder))
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["verdict"] == "certified", summary["reasons"]
    assert summary["economy"] == "krusell-smith" and summary["preset"] == "fast" and summary["seed"] == 1
    assert set(summary["seconds"]) == {"compile", "run", "total"}
    assert set(summary["thresholds"]) <= set(summary["accuracy"])
    assert {"euler_log10_mean", "den_haan_max_percent", "best_response_gain_percent", "accounts_max"} <= set(
        summary["accuracy"]
    )
    assert {"capital_mean", "capital_sd", "interest_rate_mean", "wealth_gini", "share_at_constraint"} <= set(summary["moments"])
    manifest = store.verify(folder)
    assert set(manifest["files"]) == {"summary.json", "solution.safetensors", "simulation.nc", "report.html"}
    assert "http" not in (folder / "report.html").read_text().replace("http://www.w3.org", "")


def test_other_verbs_on_a_finished_run(folder, capsys):
    """simulate, certify, irf, report and cite work on the folder and leave it verifiable."""
    assert command("simulate", str(folder), "--periods", "120", "--seed", "5") == 0
    assert command("certify", str(folder), "--dates", "1000") == 0
    assert command("irf", str(folder), "--size", "0", "--horizon", "8") == 0
    assert command("report", str(folder)) == 0
    assert command("cite", str(folder)) == 0
    assert "krusell1998income" in capsys.readouterr().out
    assert {"simulation-5.nc", "irf.nc"} <= set(store.verify(folder)["files"])


def test_a_finished_run_is_not_overwritten(folder, capsys):
    """Without --force it is refused; a resume of a finished run says so too."""
    before = (folder / "manifest.json").read_bytes()
    assert command("solve", "krusell-smith", "--preset", "fast", "--out", str(folder)) == 2
    assert "--force" in capsys.readouterr().err
    assert command("resume", str(folder)) == 2
    assert (folder / "manifest.json").read_bytes() == before


def test_interrupted_and_resumed_to_the_same_bits(folder, tmp_path):
    """Stopped by SIGINT after some rounds, a solve goes on to exactly what the undisturbed one found."""
    path = tmp_path / "stopped"

    def say(text: str) -> None:
        if text.startswith("round 10"):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Stopped) as stopped:
        experiment.run(ASKED, path, False, say, lambda: 1.0)
    assert stopped.value.folder == path
    assert 0 < int(store.read_checkpoint(path)[1].round) < 80
    with pytest.raises(RunFolderError, match="resume"), store.prepare(path, force=False):
        pass
    experiment.resume(path, lambda text: None, lambda: 1.0)
    mine, theirs = (decode(p / "solution.safetensors")[0]["loop"] for p in (path, folder))
    assert np.array_equal(mine.learners["household"].table.table, theirs.learners["household"].table.table)
    assert np.array_equal(mine.economy.cross["household"], theirs.economy.cross["household"])
    a, b = (json.loads((p / "summary.json").read_text()) for p in (path, folder))
    assert a["accuracy"] == b["accuracy"] and a["moments"] == b["moments"]


def test_force_replaces_a_run_only_when_the_new_one_is_complete(folder, tmp_path):
    """A forced run that is interrupted leaves the finished one as it was."""
    import shutil

    path = tmp_path / "ks"
    shutil.copytree(folder, path)
    before = (path / "summary.json").read_bytes()

    def say(text: str) -> None:
        if text.startswith("round 5"):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped) as stopped:
        experiment.run(ASKED, path, True, say, lambda: 1.0)
    assert (path / "summary.json").read_bytes() == before
    store.verify(path)
    experiment.resume(stopped.value.folder, lambda text: None, lambda: 2.0)
    assert json.loads((path / "summary.json").read_text())["seconds"]["total"] == 2.0
    assert not stopped.value.folder.exists()


@pytest.mark.parametrize("name", ["manifest.json", "summary.json", "solution.safetensors", "simulation.nc"])
@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_damage_is_detected_and_named(folder, tmp_path, name, damage):
    """A file that is cut, altered or gone is named; nothing is read from it."""
    import shutil

    path = tmp_path / "damaged"
    shutil.copytree(folder, path)
    data = bytearray((path / name).read_bytes())
    if damage == "remove":
        (path / name).unlink()
    elif damage == "truncate":
        (path / name).write_bytes(data[: len(data) // 2])
    else:
        data[len(data) // 2] ^= 0x20
        (path / name).write_bytes(data)
    with pytest.raises(RunFolderError, match=name):
        store.load(path)


def test_unwritable_and_used_folders(tmp_path):
    """A file in place of the folder, a folder inside a file, a folder with foreign files."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFolderError, match="file, not a folder"):
        opened(tmp_path / "file", force=True)
    with pytest.raises(RunFolderError, match="could not be written"):
        opened(tmp_path / "file" / "run", force=False)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("x")
    with pytest.raises(RunFolderError, match="no run wrote"):
        opened(foreign, force=True)
    assert (foreign / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["krusel-smith"], "Did you mean 'krusell-smith'"),
        (["krusell-smith", "--calibration", "dhjj"], "Did you mean 'dhjj2010'"),
        (["krusell-smith", "--learner", "household=eulr"], "Did you mean 'euler'"),
        (["krusell-smith", "--learner", "houshold=euler"], "Did you mean 'household'"),
        (["krusell-smith", "--set", "household.bta=0.9"], "Did you mean 'household.beta'"),
        (["krusell-smith", "--set", "household.beta=1.0"], "household.beta (discount factor) must lie in (0, 1)"),
        (["krusell-smith", "--set", "household.beta=-0.5"], "got -0.5"),
        (["krusell-smith", "--set", "delta=nan"], "delta (depreciation rate)"),
        (["krusell-smith", "--set", "beta"], "expected NAME=VALUE"),
        (["krusell-smith", "--preset", "standart"], "Did you mean 'standard'"),
        (["krusell-smith", "--population", "household=panel:0"], "number of individuals"),
        (["nowhere.py:Economy"], "there is no such file"),
    ],
)
def test_bad_input_is_one_message(arguments, said, tmp_path, capsys):
    """Each message names the field, the value and the remedy; exit status 2, nothing written, no traceback."""
    assert command("solve", *arguments, "--out", str(tmp_path / "run")) == 2
    message = capsys.readouterr().err
    assert said in message and "Traceback" not in message
    assert not (tmp_path / "run").exists()


def test_a_file_with_a_syntax_error_shows_its_line(tmp_path):
    """The line and its number."""
    file = tmp_path / "mine.py"
    file.write_text("import walras\n\ndef broken(:\n    pass\n")
    with pytest.raises(InputError, match=r"line 3.*") as error:
        build(Request(economy=f"{file}:Mine", calibration="x"))
    assert "def broken(:" in str(error.value)
    file = tmp_path / "other.py"
    file.write_text("import walras\n1 / 0\n")
    with pytest.raises(InputError, match="line 2"):
        build(Request(economy=f"{file}:Mine", calibration="x"))


def test_infeasible_income_is_named():
    """Income of zero at a limit of zero leaves nothing to consume; a transition matrix must be one."""
    from walras.economies import Aiyagari
    from walras.economy.process import Chain
    from walras.solve import solve

    idle = Aiyagari.with_income(Chain([0.0, 1.0], np.array([[0.5, 0.5], [0.5, 0.5]])), gamma=1.0)
    with pytest.raises(InputError, match="income state 0"):
        solve(idle, preset="fast")
    with pytest.raises(InputError, match="does not sum to one"):
        Chain([1.0, 2.0], np.array([[0.5, 0.4], [0.5, 0.5]]))


def test_asked_to_stop_while_the_certificate_is_made(tmp_path, monkeypatch):
    """The rounds are over and are kept; a resumed run makes the certificate again."""
    path, real = tmp_path / "late", experiment.solve

    def certified(*given, **named):
        watch = named["watch"]

        def asked(lab, loop):
            stop = watch(lab, loop)
            if watch.stop.at_once:  # the last call before the certificate
                os.kill(os.getpid(), signal.SIGTERM)
            return stop

        return real(*given, **{**named, "watch": asked})

    monkeypatch.setattr(experiment, "solve", certified)
    asked = Request(economy="brock-mirman", calibration="textbook", preset="fast")
    with pytest.raises(Stopped, match="after round 5; go on with: walras resume"):
        experiment.run(asked, path, False, lambda text: None, lambda: 1.0)
    assert int(store.read_checkpoint(path)[1].round) == 5
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_the_command_says_how_to_go_on(number, tmp_path, capsys, monkeypatch):
    """Exit status 130, and the command that goes on."""
    real = experiment.progress_line

    def line(lab, loop, elapsed):
        os.kill(os.getpid(), number)
        return real(lab, loop, elapsed)

    monkeypatch.setattr(experiment, "progress_line", line)
    path = tmp_path / "run"
    assert command("solve", "brock-mirman", "--preset", "fast", "--out", str(path)) == 130
    assert f"go on with: walras resume {path}" in capsys.readouterr().err.replace("\n", "")
    assert store.checkpoint.present(path) and not (path / ".lock").exists()
