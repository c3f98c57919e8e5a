"""The data set of a solution: identities that its numbers must satisfy, and what is written beside them."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from tests.report_fixtures import brock_mirman, krusell_smith
from tests.report_fixtures import data as shared_data
from walras._core.errors import InputError
from walras.dataset import dataset
from walras.simulate import simulate


@pytest.fixture(scope="module")
def solved():
    return krusell_smith()


@pytest.fixture(scope="module")
def data():
    return shared_data()


def test_every_variable_has_a_name_and_a_unit(data):
    for name in data.variables:
        assert data[name].attrs.get("units") and data[name].attrs.get("long_name"), name
    assert data.price_r.attrs["units"] == "per period"
    assert data.household_K.attrs["units"] == "goods"
    assert data.attrs["types"] == "household"


def test_the_mean_cross_section_holds_the_mean_capital(data, solved):
    assert abs(float(data.household_mass.sum()) - 1) < 1e-10
    held = float((data.household_mass * data.household_stock).sum())
    sampled = data.household_K.values[:: solved.evidence.stride].mean()
    np.testing.assert_allclose(held, sampled, rtol=1e-10)


def test_rules_keep_the_budget(data, solved):
    # c + k' = (1 + r) k + income: linear in k, with the same slope 1 + r at every risk state.
    spent = (data.household_choice + data.household_next_stock).values
    slope = np.diff(spent, axis=2) / np.diff(data.household_stock.values)
    np.testing.assert_allclose(slope, slope[:, :1, :1] * np.ones_like(slope), rtol=1e-9)
    # r = α z (L/K)^(1−α) − δ at the mean log capital, by the view that the law forecasts.
    K, L = np.exp(np.log(data.household_K.values).mean()), np.array([0.9, 0.96]) / 0.9
    r = 0.36 * np.array([0.99, 1.01]) * (L / K) ** 0.64 - 0.025
    np.testing.assert_allclose(slope[:, 0, 0], 1 + r, atol=2e-6)


def test_marginal_propensities_are_slopes_of_consumption(data):
    mpc, consumption = data.household_mpc.values, data.household_choice.values
    assert (mpc > 0).all() and (mpc <= 1 + 1e-9).all()
    spent = (data.household_choice + data.household_next_stock).values
    cells = np.diff(consumption, axis=2) / np.diff(spent, axis=2)
    # Consumption is concave in wealth: the slope to the right of a node lies between those of the cells beside it.
    inside = slice(10, 80)
    left, right = cells[..., 9:79], cells[..., inside]
    assert (mpc[..., inside] <= left + 1e-6).all() and (mpc[..., inside] >= right - 1e-6).all()
    assert mpc[0, 0, 10] > 2 * mpc[0, 0, 80] > 0
    # At the limit a choice is on its corner: to the right of it the slope is that of the whole first cell.
    np.testing.assert_allclose(mpc[..., 0], cells[..., 0], rtol=1e-5)
    assert (cells[:, 0, 0] > 0.5).all() and (cells[:, 0, 0] <= 1 + 1e-9).all()


def test_the_law_forecasts_the_next_date(data):
    K, exo = data.household_K.values, data.exogenous_state.values
    grid = data.household_law_grid_0.values
    assert grid[0] < K.min() and grid[-1] > K.max()
    for z in range(2):
        now = np.flatnonzero(exo[:-1] == z)
        forecast = np.interp(K[now], grid, data.household_law_0.values[z])
        np.testing.assert_allclose(forecast, K[now + 1], rtol=1e-3)
    assert data.household_actual_0.attrs["series"] == "household_K"
    np.testing.assert_array_equal(data.household_actual_0, data.household_K)


def test_figures_of_the_certificate_can_be_computed_from_the_file(data, solved):
    accuracy = solved.accuracy()
    gap = 100 * abs(np.log(data.household_forecast_0 / data.household_actual_0))
    np.testing.assert_allclose(float(gap.mean()), accuracy["den_haan_mean_percent"], rtol=1e-9)
    np.testing.assert_allclose(float(gap.max()), accuracy["den_haan_max_percent"], rtol=1e-9)
    share = data.household_euler_share
    np.testing.assert_allclose(float(share.sum()), 1.0)
    # A histogram of bins a sixth of a unit wide knows the mean to half of that.
    assert abs(float((share * data.household_error_bin).sum()) - accuracy["euler_log10_mean"]) < 1 / 12
    np.testing.assert_array_equal(data.trace.values, solved.trace)
    np.testing.assert_allclose(data.tolerance[0], solved.lab.preset.tolerance)


def test_responses_of_both_signs(data):
    assert list(data.impulse.values) == ["state 0 → 1", "state 1 → 0"]
    np.testing.assert_allclose(data.irf_exogenous_value[:, 0], [0.02, -0.02], rtol=1e-9)
    assert (abs(data.irf_household_K_percent[:, 0]) < 1e-10).all()
    # A boom is a recession upside down, up to the curvature of the economy.
    both = data.irf_household_C_percent.sum("impulse")
    assert float(abs(both).max()) < 0.1 * float(abs(data.irf_household_C_percent).max())


def test_written_and_read_again(data, tmp_path):
    path = tmp_path / "simulation.nc"
    data.to_netcdf(path, engine="h5netcdf")
    assert path.stat().st_size < 5e6
    with xr.open_dataset(path, engine="h5netcdf") as read:
        xr.testing.assert_identical(read.load(), data)


def test_without_a_learner_there_are_series_and_responses():
    found = dataset(brock_mirman())
    assert found.attrs["types"] == ""
    assert not [name for name in found.data_vars if "choice" in str(name)]
    assert list(found.impulse.values) == ["+1 s.d.", "−1 s.d."]
    K, Y = found.household_K.values, found.price_Y.values
    np.testing.assert_allclose(K[1:], 0.36 * 0.96 * Y[:-1], rtol=1e-12)


def test_a_fresh_simulation_keeps_the_accounts(data, solved):
    first, again, other = (simulate(solved, periods=200, key=k) for k in (1, 1, 2))
    xr.testing.assert_identical(first, again)
    assert (first.exogenous_state != other.exogenous_state).any()
    assert set(first.data_vars) < set(data.data_vars)
    Y, C, K = (first[name].values for name in ("price_Y", "household_C", "household_K"))
    np.testing.assert_allclose(Y[:-1] - C[:-1], K[1:] - 0.975 * K[:-1], atol=1e-9)
    # Quarterly capital of some 39.6 with a s.d. of 1: two hundred dates stay within four of them.
    assert abs(K.mean() - float(data.household_K.mean())) < 4


def test_nothing_to_simulate(solved):
    with pytest.raises(InputError, match="at least one period"):
        simulate(solved, periods=0)
    with pytest.raises(InputError, match="left no rule"):
        simulate(dataclasses.replace(solved, lab=None, loop=None))
