"""All exercises by their number: check one, ask for a hint."""

import contextlib
import io
from typing import Any

import numpy as np

from aevb_np.exercises.backwards import E4, E5, E6
from aevb_np.exercises.exercise import Exercise, Functions
from aevb_np.exercises.networks import E7, E8, E9
from aevb_np.exercises.optimizers import E10
from aevb_np.exercises.report import CODE, NOT_WRITTEN, Fault, Report
from aevb_np.exercises.trial import FaultError
from aevb_np.exercises.values import E1, E2, E3

EXERCISES: dict[str, Exercise] = {e.key: e for e in (E1, E2, E3, E4, E5, E6, E7, E8, E9, E10)}
SHOWN = 20  # lines that a student's function prints
LEVELS = ("the idea", "the formula", "the shape of the line")


def exercise(key: str) -> Exercise:
    """The exercise with this number.

    Raises
    ------
    ValueError
        If there is none.
    """
    if key not in EXERCISES:
        raise ValueError(f"there is no exercise {key!r}; there are {', '.join(EXERCISES)}")
    return EXERCISES[key]


def check(key: str, *functions: Any, explain: int = 0, seed: int = 0) -> Report:
    """Is this exercise solved, and if not, where is the first fault?

    Whatever the functions do, it ends in a report.

    Parameters
    ----------
    key : str
        "E1" to "E10".
    *functions : callable
        What was written, by the names that the exercise has; E5 has two.
    explain : int
        How much is told of the first fault: 0 what can be seen of it, 1 its kind, 2 its name.
    seed : int
        Other numbers and other sizes.

    Returns
    -------
    Report
        `print` shows it, a notebook does so by itself; `report.use` is what was written if it passes, and the package's
        own function if not, so that work can go on.

    Raises
    ------
    ValueError
        If there is no such exercise.

    Examples
    --------
    >>> from aevb_np.distributions import gaussian_kl
    >>> def half(mu, log_var):
    ...     kl, backward = gaussian_kl(mu, log_var)
    ...     return kl, lambda dkl: (backward(dkl)[0], 2 * backward(dkl)[1])
    >>> report = check("E6", half)
    >>> report.state, report.fault.text
    ('gradient', "the 1/2 of log sigma^2's gradient is missing")
    """
    wanted = exercise(key)
    report = Report(key, wanted.name, [name for name, _ in wanted.checks], explain=min(max(int(explain), 0), 2))
    report.use = wanted.use()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        report.fault = misused(wanted, functions) or first_fault(wanted, functions, seed, report)
    if lines := [line for line in printed.getvalue().splitlines() if line.strip()]:
        count = f"it printed {len(lines)} line{'s' * (len(lines) > 1)}"
        more = f", the first {SHOWN} of them" * (len(lines) > SHOWN)
        report.notes.append("\n  ".join([f"{count}{more}:", *lines[:SHOWN]]))
    if report.right:
        report.use = functions if len(functions) > 1 else functions[0]
    return report


def misused(wanted: Exercise, functions: Functions) -> Fault | None:
    """What is no function, or none of one's own."""
    if len(functions) != len(wanted.names) or not all(map(callable, functions)):
        call = f'check("{wanted.key}", {", ".join(wanted.names)})'
        kinds = [type(one).__name__ for one in functions if not callable(one)]
        text = f"the functions themselves are wanted: {call}" + "".join(f"; got a {kind}" for kind in kinds[:1])
        return Fault(CODE, "the check", "wrong arguments", text, seen=text)
    for function in functions:
        if any(function is solution for solution in wanted.solutions):
            text = f"this {function.__name__} is the package's; the exercise is to write one"
            return Fault(NOT_WRITTEN, "the check", NOT_WRITTEN, text)
    return None


def first_fault(wanted: Exercise, functions: Functions, seed: int, report: Report) -> Fault | None:
    """All checks in turn, up to the first that is not passed."""
    given, sizes = wanted.problem(seed)
    try:
        with np.errstate(all="ignore"):
            for _, test in wanted.checks:
                test(functions, given, sizes, seed)
                report.passed += 1
        return None
    except FaultError as found:
        fault = found.fault
    except Exception as error:  # a report is promised, whatever was given back
        text = f"what it gives cannot be read: {type(error).__name__}: {error}"
        fault = Fault(CODE, wanted.name, "it cannot be read", text, seen=text)
    if fault.state == NOT_WRITTEN:
        return fault
    try:
        with np.errstate(all="ignore"):
            if fault.family == "unknown":
                fault = fault._replace(family=wanted.kinds(functions, seed))
            slip = wanted.recognise(functions, seed)
    except Exception:  # what was found stands
        return fault
    return fault._replace(text=slip.text) if slip else fault


def hint(key: str, level: int = 1) -> str:
    """Help with an exercise, little by little: 1 the idea, 2 the formula, 3 the shape of the line.

    Raises
    ------
    ValueError
        If there is no such exercise, or no such level.

    Examples
    --------
    >>> print(hint("E3", 2))
    E3, the formula: z = mu + sigma * eps, where log_var holds log sigma^2, so sigma = exp(log_var / 2).
    """
    if level not in (1, 2, 3):
        raise ValueError(f"hints have the levels 1 (the idea), 2 (the formula) and 3 (the line's shape); got {level!r}")
    return Text(f"{key}, {LEVELS[level - 1]}: {exercise(key).hints[level - 1]}")


class Text(str):
    """A text that is shown as it is, without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
