"""Trade at posted prices: nothing clears. Everybody moves at once; what is posted now holds at the next date.

    asked for    C̃_i = Σ_j c̃_ij;  served the same share of it: min(1, y_i/C̃_i)
    exported     X_i = min(cap, y_i − C_i) where p_i ≥ floor, at the firm's own price
    taken on     the same share of all hours offered: min(1, hires_i/L̃_i)
    firm         gross = p (C + X) − w L    invested = ι max(gross, 0)    profit = (1 − σ on what is positive)(gross − invested)
    government   τ Σ w L + σ Σ max(gross − invested, 0), paid back in equal parts at the same date

An episode has `horizon` dates; then everybody dies and one just like it begins.
"""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp

from walras._core.errors import InputError
from walras._core.module import as_parameter
from walras.economies.posted_view import Posted
from walras.economy.economy import Move, Timing


def timing(economy) -> Timing:
    """All at once; the government is settled last, because it is paid what the others achieved."""
    sees = lambda now: posted(economy, now)  # noqa: E731
    moves = {
        "consumer": Move(economy.consumer, sees, lambda now: consumer_gets(economy, now)),
        "firm": Move(economy.firm, sees, lambda now: books(economy, now)),
    }
    if economy.government is not None:
        moves["government"] = Move(economy.government, sees, lambda now: {"welfare": welfare(economy, now)})
    return Timing(market=moves)


def prices(economy, now) -> dict:
    """What was posted: stocks of their owners."""
    held = now.stocks["firm"]
    rates = now.stocks.get("government", dict.fromkeys(("tau", "sigma"), jnp.zeros_like(held["t"][0])))
    return {"p": held["p"], "w": held["w"], "tau": rates["tau"], "sigma": rates["sigma"]}


def posted(economy, now) -> Posted:
    """What everybody sees."""
    at, held = now.prices, now.stocks["firm"]
    t, dtype = held["t"][0], held["t"].dtype
    z = jnp.log(economy.exogenous.value(now.exo)).astype(dtype)
    stocks = jnp.log1p(jnp.maximum(held["y"], 0.0)) / 5
    rest = jnp.stack([at["tau"], at["sigma"], t / economy.horizon, z])
    seen = jnp.concatenate([at["p"] / economy.price_unit, at["w"] / economy.wage_unit, stocks, held["over"], rest])
    first, last = (t < 0.5).astype(dtype), (t > economy.horizon - 1.5).astype(dtype)
    return Posted(at["p"], at["w"], at["tau"], at["sigma"], first, last, now.exo, seen)


def books(economy, now) -> dict:
    """Sales and hours after rationing and what follows from them, by firm; productivity."""
    at, held, asked, firm = now.prices, now.stocks["firm"], now.flows["consumer"], now.flows["firm"]
    goods, offered, stock = asked["goods"], asked["hours"], held["y"]
    sold = jnp.minimum(goods, stock)
    # A firm on the floor exports; prices are sums over firms, so that they may be a rounding off.
    exported = jnp.where(at["p"] >= economy.export_floor * (1 - 1e-5), jnp.minimum(economy.export_cap, stock - sold), 0.0)
    hours = jnp.minimum(offered, firm["hires"])
    gross = at["p"] * (sold + exported) - at["w"] * hours
    invested = firm["invests"] * jnp.maximum(gross, 0.0)
    tax = at["sigma"] * jnp.maximum(gross - invested, 0.0)
    return {
        "served": jnp.where(goods > stock, stock / jnp.where(goods > 0, goods, 1.0), 1.0),
        "taken": jnp.where(offered > hours, hours / jnp.where(offered > 0, offered, 1.0), 1.0),
        "over": (goods > stock).astype(stock.dtype),
        "exported": exported,
        "left": sold + exported,
        "hours": hours,
        "invested": invested,
        "tax": tax,
        "profit": gross - invested - tax,
        "z": economy.exogenous.value(now.exo).astype(stock.dtype),
    }


def consumer_gets(economy, now) -> dict:
    """The share served and the share taken on by each firm, and an equal part of all taxes."""
    done = books(economy, now)
    revenue = now.prices["tau"] * jnp.sum(now.prices["w"] * done["hours"]) + jnp.sum(done["tax"])
    return {"served": done["served"], "taken": done["taken"], "rebate": revenue / economy.consumer.mass}


def welfare(economy, now):
    """Payoffs of all consumers, and of firms at their weight."""
    return now.welfare("consumer") + economy.government.firm_weight * now.welfare("firm")


def accounts(economy, now, after) -> dict:
    """Money, and goods firm by firm: what there was or came in went out or is there, with whoever lives or has died."""
    who, firm, done = economy.consumer, economy.firm, books(economy, now)
    goes_on = 1 - posted(economy, now).last

    def at_end(name, stock):
        return after.estates[name][stock] + goes_on * after.stocks[name][stock]

    held, m = now.stocks, at_end("consumer", "m")
    interest = m * who.interest / (1 + who.interest)
    came = jnp.sum(now.prices["p"] * done["exported"]) + who.gift * who.mass + interest
    money = m + jnp.sum(at_end("firm", "m")) - held["consumer"]["m"] - jnp.sum(held["firm"]["m"])
    made = firm.makes(held["firm"]["k"], done["hours"], firm.exponent(jnp.arange(firm.n)), done["z"])
    goods = at_end("firm", "y") + done["left"] - held["firm"]["y"] - made
    capital = at_end("firm", "k") - (1 - firm.delta) * held["firm"]["k"] - done["invested"]
    parts = {"goods": goods, "capital": capital}
    return {"money": money - came + jnp.sum(done["invested"])} | {k: jnp.max(jnp.abs(x)) for k, x in parts.items()}


def sized(economy, numbers: Mapping[str, int]):
    """The economy with so many individuals of the named types; a government may be left out.

    Raises:
        InputError: for no consumer, no firm, several governments, or a government where there was none.
    """
    now = {"consumer": economy.consumer.n, "firm": economy.firm.n, "government": int(economy.government is not None)}
    n = {**now, **numbers}
    if n["consumer"] < 1 or n["firm"] < 1:
        needed = "consumer" if n["consumer"] < 1 else "firm"
        remedy = "Give at least one of each; only the government can be left out."
        raise InputError(
            f"zero agents of type '{needed}', which the others need",
            where=type(economy).__name__,
            number=n[needed],
            remedy=remedy,
        )
    if n["government"] > now["government"]:
        remedy = "Use 1, or 0 to leave it out." if now["government"] else "Begin with an economy that has one."
        raise InputError(
            "there cannot be so many governments", where=type(economy).__name__, number=n["government"], remedy=remedy
        )
    count = lambda who: as_parameter(float(n[who]))  # noqa: E731
    consumer = dataclasses.replace(economy.consumer, n=n["consumer"], mass=count("consumer"), firms=n["firm"])
    opening = economy.firm.m_birth * n["consumer"] / now["consumer"]
    firm = dataclasses.replace(economy.firm, n=n["firm"], mass=count("firm"), m_birth=opening)
    government = economy.government if n["government"] else None
    if government is not None:
        government = dataclasses.replace(government, firms=n["firm"])
    return dataclasses.replace(economy, consumer=consumer, firm=firm, government=government)
