"""One bond market in two forms: bonds that cost 1 and pay 1 + r, and bonds that cost q and pay 1.

    python examples/04_huggett_two_forms.py --preset standard

Without aggregate risk the two differ only in what a unit of a bond is, so that the rate must be the same: two solves
that share the household's equations but neither price nor grid.
"""

import argparse

import walras as w


def main() -> None:
    """Solve both forms and compare the rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="standard")
    preset = parser.parse_args().preset

    rates = {}
    for form in ("tutorial", "tutorial_bond_price"):
        solution = w.solve(getattr(w.economies.Huggett, form)(), preset=preset)
        rates[form] = solution.moments()["interest_rate_mean"]
        print(f"{form:20s} r = {100 * rates[form]:.6f} %   {solution.verdict}")
    gap = abs(rates["tutorial"] - rates["tutorial_bond_price"])
    print(f"the two rates differ by {1e4 * gap:.1e} basis points")


if __name__ == "__main__":
    main()
