"""The public list is what is importable, small, and documented."""

import inspect
import types

import pytest

import walras as w

MODULES = {"economies", "learners", "testing"}


def test_the_list_is_what_is_importable():
    seen = {n for n, v in vars(w).items() if not n.startswith("_") and not isinstance(v, types.ModuleType)}
    assert seen | MODULES == set(w.__all__)
    assert len(w.__all__) == len(set(w.__all__)) <= 50


def test_the_list_is_what_is_promised():
    # What scripts and the documentation rely on; a name may be added, never lost without a line in the changelog.
    assert {
        "Solution",
        "design",
        "diagnose",
        "economies",
        "impulse_response",
        "learners",
        "load",
        "plan",
        "simulate",
        "solve",
        "testing",
    } <= set(w.__all__)
    catalogue = {
        "Aiyagari",
        "BrockMirman",
        "ConsumptionSaving",
        "CurryRBC",
        "CurryRBCCleaned",
        "Hank",
        "Huggett",
        "HuggettPartial",
        "HuggettRisk",
        "KrusellSmith",
        "MarlRbc",
        "Oligopoly",
        "TaxCycle",
        "TaxEconomy",
        "Zlb",
    }
    assert set(w.economies.__all__) == catalogue
    assert set(w.learners.__all__) == {
        "Collapse",
        "Curriculum",
        "DeepEuler",
        "EulerIteration",
        "Fixed",
        "PPO",
        "Reinforce",
        "SAC",
        "Stage",
        "StructuralRL",
    }
    assert {"check_economy", "check_learner", "Situation", "Sizes", "optima", "toys"} == set(w.testing.__all__)


@pytest.mark.parametrize("module", [w, w.economies, w.learners, w.testing], ids=lambda m: m.__name__)
def test_every_name_exists_and_is_documented(module):
    assert inspect.getdoc(module)
    for name in module.__all__:
        value = getattr(module, name)
        assert inspect.getdoc(value), name
        if inspect.isclass(value):
            written = value.__dict__.get("__doc__") or ""
            assert written and not written.startswith(f"{name}("), f"{name} has no docstring of its own"
            for method, function in vars(value).items():
                function = getattr(function, "fget", None) or getattr(function, "__func__", function)
                if inspect.isfunction(function) and not method.startswith("_"):
                    assert function.__doc__, f"{name}.{method}"


def test_every_public_function_names_its_types():
    for name in (
        "solve",
        "diagnose",
        "simulate",
        "impulse_response",
        "load",
        "with_parameters",
        "stability",
        "long_horizon",
        "design",
        "plan",
    ):
        signature = inspect.signature(getattr(w, name))
        assert signature.return_annotation is not inspect.Signature.empty, name
        for parameter in signature.parameters.values():
            assert parameter.annotation is not inspect.Parameter.empty, f"{name}({parameter.name})"


def test_double_precision_is_on():
    import jax.numpy as jnp

    assert jnp.zeros(()).dtype == jnp.float64
