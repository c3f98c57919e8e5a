"""How variables and numbers are written in a report."""

import math
from typing import Any

import numpy as np
import xarray as xr

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: Any, digits: int = 4) -> str:
    """A number (or a short list of them) for reading: `digits` significant digits, powers of ten where it is tiny."""
    if value is None:
        return "–"
    if isinstance(value, list | tuple | np.ndarray):
        listed = [number(v, digits) for v in value]
        return ", ".join(listed) if len(listed) <= 8 else f"{', '.join(listed[:7])}, … ({len(listed)} values)"
    if isinstance(value, str | bool):
        return str(value)
    value = float(value)
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = int(exponent)
    if -4 <= power < 6:
        text = _short(f"{value:.{max(digits - 1 - power, 0)}f}")
    else:
        text = f"{_short(mantissa)}·10{str(power).translate(_SUPERSCRIPTS)}"
    return text.replace("-", "−")


def _short(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def exogenous(data: xr.Dataset, state: int, digits: int = 3) -> str:
    """The value of an exogenous state, e.g. `1.02`; of several components each by its symbol: `z 1.02, v −0.003`."""
    parts = [data[name] for name in data.coords if str(name).startswith("exo_value")]
    if len(parts) == 1:
        return number(float(parts[0][state]), digits)
    return ", ".join(f"{part.attrs['symbol']} {number(float(part[state]), digits)}" for part in parts)


def capital(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def title(variable: xr.DataArray) -> str:
    """Name and symbol of a variable, e.g. `Capital K`."""
    name, symbol = variable.attrs.get("long_name", str(variable.name)), variable.attrs.get("symbol", "")
    return capital(name if symbol in ("", name) else f"{name} {symbol}")


def axis(variable: xr.DataArray, unit: str | None = None) -> str:
    """Name, symbol and unit of a variable, e.g. `Capital K [goods]`."""
    return f"{title(variable)} [{unit or variable.attrs.get('units', '')}]"


def short_axis(variable: xr.DataArray, most: int = 34) -> str:
    """As `axis`, by the symbol alone where that is too long for a low figure."""
    text = axis(variable)
    return text if len(text) <= most else f"{variable.attrs['symbol']} [{variable.attrs['units']}]"


def period(years: float) -> str:
    """What one period is called, for time axes."""
    named = {1.0: "years", 0.25: "quarters", 1 / 12: "months", 0.5: "half-years"}
    near = next((name for length, name in named.items() if abs(years - length) < 1e-9), None)
    return near or f"periods of {number(years, 3)} years"


def power_of_ten(value: float) -> str:
    """10⁻⁴ for 1e-4, in letters of the font: a formula in a figure takes a tenth of a second to set."""
    return "10" + str(round(math.log10(value))).translate(_SUPERSCRIPTS)
