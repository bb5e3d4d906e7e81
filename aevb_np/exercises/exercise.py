"""What an exercise is: functions to write, checks in order, hints, and the slips that are often made.

A slip is a patch of the package's own source, so that it cannot rot: what it replaces must occur exactly once. A
student whose function gives the same numbers as a slip has made that slip.
"""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.exercises.likeness import likeness
from aevb_np.exercises.trial import outcome, same

Given = dict[str, NDArray]
Functions = tuple[Any, ...]


class Sizes(NamedTuple):
    """No two share a factor, and none is 2: so a wrong factor names itself and no transpose slips through."""

    M: int
    J: int
    D: int
    H: int


SIZES = (Sizes(7, 5, 11, 8), Sizes(5, 7, 9, 4), Sizes(9, 5, 11, 7), Sizes(11, 3, 7, 5), Sizes(3, 7, 13, 5))


class Slip(NamedTuple):
    """One typical slip: what it is called, a text of the solution, what stands there instead, and in which function."""

    text: str
    find: str
    instead: str
    which: int = 0


@dataclass(frozen=True)
class Exercise:
    """One exercise."""

    key: str  # "E6"
    title: str
    paper: str  # where in the paper
    stars: int
    minutes: int
    names: tuple[str, ...]  # of the functions that a student writes
    solutions: Functions  # the package's
    given: Callable[[Sizes, np.random.Generator], Given]
    checks: tuple[tuple[str, Callable], ...]  # what is checked, and a function(functions, given, sizes, seed)
    probes: Callable[[Functions, Given, Sizes], dict[str, Callable]]  # by which a slip is recognised
    hints: tuple[str, str, str]  # the idea, the formula, the shape of the line
    slips: tuple[Slip, ...]
    value_only: bool = False  # whether the value is asked for without a backward

    @property
    def name(self) -> str:
        """The functions in words."""
        return " and ".join(self.names)

    def problem(self, seed: int) -> tuple[Given, Sizes]:
        """Arrays and sizes, other ones for every seed."""
        sizes = SIZES[seed % len(SIZES)]
        return self.given(sizes, np.random.default_rng((seed, int(self.key[1:])))), sizes

    def use(self) -> Any:
        """The package's functions, for whoever has not written them yet."""
        functions = tuple(only(f) for f in self.solutions) if self.value_only else self.solutions
        return functions if len(functions) > 1 else functions[0]

    def slipped(self, slip: Slip) -> Functions:
        """The package's functions with this slip in one of them."""
        functions = list(self.solutions)
        functions[slip.which] = planted(functions[slip.which], slip)
        return tuple(functions)

    def recognise(self, functions: Functions, seed: int) -> Slip | None:
        """The slip that gives the same numbers as these functions."""
        given, sizes = self.problem(seed)
        mine = outcomes(self.probes(functions, given, sizes))
        for slip in self.slips:
            theirs = outcomes(self.probes(self.slipped(slip), given, sizes))
            if all(same(mine[name], theirs[name]) for name in mine):
                return slip
        return None

    def kinds(self, functions: Functions, seed: int) -> str:
        """Which of the probed numbers are right, and what the others are like."""
        given, sizes = self.problem(seed)
        mine, right = (outcomes(self.probes(those, given, sizes)) for those in (functions, self.solutions))
        found: dict[str, list[str]] = {}
        for name, expected in numbers_by_name(right).items():
            yours = numbers_by_name(mine).get(name)
            if isinstance(yours, np.ndarray):
                kind = "right" if same(yours, expected) else likeness(yours, expected, sizes._asdict())
                found.setdefault(kind, []).append(name)
        wrong = [f"{', '.join(names)}: {kind}" for kind, names in found.items() if kind != "right"]
        return "; ".join([*wrong, f"right: {', '.join(found.get('right', ['none']))}"])


def outcomes(probes: dict[str, Callable]) -> dict[str, Any]:
    """What comes of each probe."""
    return {name: outcome(probe) for name, probe in probes.items()}


def numbers_by_name(of_probes: dict[str, Any]) -> dict[str, Any]:
    """The arrays of all probes; of two with one name the first."""
    return {name: array for arrays in reversed(of_probes.values()) if isinstance(arrays, dict)
            for name, array in arrays.items()}  # fmt: skip


def only(function: Callable) -> Callable:
    """The same function without its backward."""

    def value(*arguments):
        return function(*arguments)[0]

    value.__doc__ = function.__doc__
    return value


@cache
def planted(function: Any, slip: Slip) -> Any:
    """A function or class of the package with a slip in it; the package itself is not touched.

    Raises
    ------
    ValueError
        If what is to be replaced does not occur exactly once.
    """
    source = inspect.getsource(function)
    if source.count(slip.find) != 1:
        raise ValueError(f"{function.__name__} must hold this text once, for {slip.text!r}: {slip.find}")
    namespace = dict(vars(sys.modules[function.__module__]))
    exec(compile(source.replace(slip.find, slip.instead), "<solution>", "exec"), namespace)
    return namespace[function.__name__]
