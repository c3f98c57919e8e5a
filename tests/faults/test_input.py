"""Hostile and broken input: a message or a value, never anything else (`make soak` tries a million)."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import walras as w
from tests.faults import fuzzing
from walras._core.encode import decode, encode
from walras._core.errors import InputError, RunFolderError, UnknownName, WalrasError
from walras.lab import request, store, trust
from walras.lab.designing import DesignRequest
from walras.lab.request import Request

BARE = {"economy": "brock-mirman", "calibration": "textbook"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_few_thousand_hostile_inputs(tmp_path):
    found = fuzzing.fuzz(tmp_path, 4000, seed=7)
    assert sum(found.inputs.values()) == 4000 and len(found.inputs) >= 9
    assert found.ends["refused"] > 1500 and found.ends["taken"] > 300
    assert (found.crashes, found.escapes) == ([], [])


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(PLAIN, st.sampled_from([*Request.model_fields, "sed", "economi"]))
def test_any_plain_data_is_a_request_or_an_error(value, name):
    for model in (Request, DesignRequest):
        for asked in (value, {**BARE, "over": "alpha=0:1", name: value}):
            try:
                found = model.read(asked, "here")
            except WalrasError as error:
                assert str(error)
            else:
                assert model.read(json.loads(found.model_dump_json()), "here") == found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sead": 1}, "Did you mean 'seed'"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "from 0 to 2⁶³ − 1"),
        ({"seed": "1"}, "seed"),
        ({"parameters": {"beta": float("nan")}}, "parameters.beta"),
        ({"parameters": {"beta": "0.9"}}, "parameters.beta"),
        ({"learners": ["euler"]}, "learners"),
        ({"economy": ""}, "economy"),
    ],
)
def test_a_bad_field_is_named(change, said):
    with pytest.raises(InputError) as error:
        Request.read({**BARE, **change}, "here")
    assert said in str(error.value) and "here" in str(error.value)


@pytest.mark.parametrize(
    "text", ["panel:²", "panel:-1", "panel:99999999999999999999", "histogram:x", "histogram:1", "finite:", "panel:1e3"]
)
def test_numbers_in_options_are_whole_and_bounded(text):
    with pytest.raises(InputError, match="from"):
        request._population("household", text)


@pytest.mark.parametrize(
    "name",
    [
        ["os", "system"],
        ["walras.lab.store", "os"],
        ["walras.lab.store", "shutil.rmtree"],
        ["walras.lab.store", "hashlib.sha256"],
        ["walras.solution", "Path"],
        ["builtins", "eval"],
        ["walras.cli", "nowhere"],
    ],
)
@pytest.mark.parametrize("kind", ["function", "class", "named"])
def test_a_file_cannot_name_what_is_not_walras(tmp_path, name, kind):
    """Not even by way of what a module of Walras has imported."""
    path = tmp_path / "x.safetensors"
    path.write_bytes(fuzzing.resealed_state({kind: name, "fields": {}}, {}, {}, 2))
    with pytest.raises(RunFolderError, match=r"x\.safetensors cannot be read"):
        decode(path)


def test_what_cannot_be_read_again_is_not_written():
    for value in (lambda x: x, {1: 2}, object(), np.array([object()])):
        with pytest.raises(RunFolderError, match=r"saved|read again"):
            encode({"a": value})


def test_values_come_back_as_they_were(tmp_path):
    """NumPy's as NumPy's, JAX's as JAX's, weak types weak: else the same operations had other bits."""
    import jax
    import jax.numpy as jnp

    value = {
        "jax": jnp.arange(3.0), "numpy": np.arange(4, dtype=np.int32), "number": np.float64(0.1), "weak": jnp.asarray(2.0), "key": jax.random.key(3),
        "plain": (1, 0.1, None, True, "x", [float("inf")]), "empty": np.zeros((0, 3)),
    }  # fmt: skip
    path = tmp_path / "x.safetensors"
    path.write_bytes(encode(value, {"more": 1}))
    found, extra = decode(path)
    assert extra == {"more": 1} and found["plain"] == value["plain"]
    for name in ("jax", "numpy", "number", "weak", "empty"):
        assert type(found[name]) is type(value[name]) and found[name].dtype == value[name].dtype
        assert np.array_equal(found[name], value[name])
    assert found["weak"].weak_type and not found["jax"].weak_type
    assert np.array_equal(jax.random.key_data(found["key"]), jax.random.key_data(value["key"]))
    assert encode(value, {"more": 1}) == path.read_bytes()  # the same bytes, always


def test_code_in_a_folder_is_run_only_if_its_reader_knows_it(tmp_path, monkeypatch):
    monkeypatch.setenv("WALRAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(trust.VARIABLE, raising=False)
    mine, canary = tmp_path / "mine.py", tmp_path / "canary"
    mine.write_text(f"open({str(canary)!r}, 'w').close()\n")
    asked = Request(economy=f"{mine}:Mine", calibration="x")
    run = tmp_path / "run"
    run.mkdir()
    (run / request.COPY).write_text(mine.read_text())
    for folder in (run, None):
        with pytest.raises(InputError, match="code that you have not run before"):
            request.user_modules(asked, folder)
    assert not canary.exists()
    with pytest.raises(UnknownName):
        request.from_file(asked.economy, w.Economy if hasattr(w, "Economy") else object)  # asked for by name: it is run
    assert canary.exists() and trust.is_trusted(mine.read_bytes())
    assert request.user_modules(asked, run)[0].__name__.startswith("walras_user_mine")
    (run / request.COPY).write_text("import os\n")
    with pytest.raises(InputError, match=r"economy\.py"):
        request.user_modules(asked, run)
    monkeypatch.setenv(trust.VARIABLE, "1")
    assert request.user_modules(asked, run)


def test_huge_files_are_not_read(tmp_path, monkeypatch):
    from walras._core import durable, encode

    monkeypatch.setattr(encode, "LARGEST", 100)
    monkeypatch.setattr(durable, "MOST_JSON", 100)
    for path, read in ((tmp_path / "x.safetensors", encode.read_whole), (tmp_path / "x.json", durable.read_limited)):
        path.write_bytes(b"x" * 101)
        with pytest.raises(RunFolderError, match="101 bytes are more"):
            read(path)
    with pytest.raises(RunFolderError, match="no such run folder"):
        store.verify(tmp_path / "nowhere")
