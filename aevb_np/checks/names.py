"""A wrong factor that names itself: 1/77 is 1/(M D) when M = 7 and D = 11."""

import itertools
import math
from collections.abc import Iterator, Mapping

NUMBERS = {"2": 2.0, "1/2": 0.5, "4": 4.0, "1/4": 0.25, "1/log(2)": 1 / math.log(2)}


def factor(c: float, constants: Mapping[str, float], tolerance: float = 2e-4) -> str | None:
    """The simplest product of small numbers and named constants that is c, with its sign; None if there is none.

    Examples
    --------
    >>> M_L_J_D = {"M": 7, "L": 3, "J": 5, "D": 11}
    >>> [factor(c, M_L_J_D) for c in (-1, 0.5, 1 / 7, 21, -2 / 11, 7 / 6, 0.123)]
    ['-1', '1/2', '1/M', 'M*L', '-2/D', 'M/(M-1)', None]
    """
    if not math.isfinite(c):
        return None
    for name, value in simple(constants):
        if abs(abs(c) - value) <= tolerance * value:
            return ("-" if c < 0 else "") + name
    return "0" if c == 0 else None


def simple(constants: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Names and numbers, the simplest first. Few, so that no number has a name by accident."""
    yield "1", 1.0
    yield from NUMBERS.items()
    for a, n in constants.items():
        yield from [(a, n), (f"1/{a}", 1 / n)]
    for (a, n), (b, m) in itertools.combinations(constants.items(), 2):
        yield from [(f"{a}*{b}", n * m), (f"1/({a}*{b})", 1 / (n * m)), (f"{a}/{b}", n / m), (f"{b}/{a}", m / n)]
    for a, n in constants.items():
        yield from [(f"2*{a}", 2 * n), (f"{a}/2", n / 2), (f"2/{a}", 2 / n), (f"1/(2*{a})", 1 / (2 * n))]
        yield from [(f"{a}/({a}-1)", n / (n - 1)), (f"({a}-1)/{a}", (n - 1) / n)]
        yield from [(f"{a}^2", n**2), (f"1/{a}^2", 1 / n**2)]


def kind_of_factor(said: str) -> str:
    """A family of faults: -1 is a sign to everybody."""
    return "the wrong sign" if said == "-1" else f"a factor, {said}"


def told(c: float, constants: Mapping[str, float]) -> str:
    """A factor for a reader: its name if it has one, else the number."""
    return "0" if abs(c) < 1e-6 else factor(c, constants) or f"{c:.4g}"
