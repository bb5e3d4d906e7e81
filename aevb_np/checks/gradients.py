"""A gradient of anything, checked: a value, arrays of parameters, and what is said to be the gradient."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks import black_box, hygiene, tables
from aevb_np.checks.report import CODE, GRADIENTS, RIGHT, Finding, Report

COARSE = 1e-10  # a value that moves in steps larger than this, relative to its size, is not one of float64


def check_gradients(
    value: Callable,
    parameters: Mapping[str, NDArray],
    gradients: Any,
    constants: Mapping | None = None,
    explain: int = 0,
) -> Report:
    """Are these the gradients of this value?

    Parameters
    ----------
    value : callable
        value(parameters) -> a number, in float64.
    parameters : dict of arrays
        Where to check. They are copied, never changed.
    gradients : callable or dict of arrays
        gradients(parameters) -> a dictionary with an array for each name, or that dictionary itself.
    constants : dict, optional
        Numbers by which a wrong factor can be named, such as {"M": 7, "D": 11}.
    explain : int
        How much the report tells: 0 the place of a fault, 1 its kind, 2 its name.

    Returns
    -------
    Report

    Examples
    --------
    >>> W = {"W": np.array([[1.0, 2.0, 4.0]])}
    >>> check_gradients(lambda p: (p["W"] ** 3).sum(), W, lambda p: {"W": 3 * p["W"] ** 2}).verdict
    'right'
    >>> report = check_gradients(lambda p: (p["W"] ** 3).sum(), W, lambda p: {"W": p["W"] ** 2}, {"N": 3})
    >>> report.verdict, report.top.text
    ('wrong', 'W: the gradient is 1/N times what it should be')
    """
    report, parameters = Report(explain=explain, asked=(CODE, GRADIENTS)), hygiene.copied(dict(parameters))
    answer = gradients if callable(gradients) else lambda p: gradients
    if callable(gradients):
        report.add(*hygiene.check(value, gradients, parameters))
    if report.findings or unclear(report, value, parameters):
        return report
    yours = {name: np.asarray(g) for name, g in answer(hygiene.copied(parameters)).items()}
    compare(report, value, parameters, yours, constants or {})
    return report


def unclear(report: Report, value: Callable, parameters: dict[str, NDArray]) -> bool:
    """Whether the value is of no use for a comparison; the report then says why."""
    number = value(hygiene.copied(parameters))
    if np.shape(number) != ():
        report.doubts.append(f"value gave an array of shape {np.shape(number)}; return one number, a sum or a mean")
    elif not math.isfinite(number):
        report.doubts.append(f"the value is {number}, here at parameters of ordinary size")
    elif (step := hygiene.resolution(value, parameters)) > COARSE:
        text = "it was computed in float32, or rounded" if step > 1e-9 else "it seems rounded"
        report.doubts.append(
            f"the value moves in steps of {step:.0e} of its size: {text}; compute the value in float64"
        )
    return bool(report.doubts)


def compare(
    report: Report, value: Callable, parameters: dict, yours: dict, constants: Mapping, at: tables.Table | None = None
) -> None:
    """Fill in the table and what the black box tells."""
    measured = at or tables.table(value, parameters, yours)
    report.rows = measured.rows
    report.doubts += tables.doubts(report.rows)
    if skipped := sum(row.kinks for row in report.rows):
        report.notes.append(f"{skipped} numbers lie at a kink of the value (a unit that is just off): not judged there")
    if not measured.gradients:
        return
    wrong = tables.wrong(report.rows)
    report.add(*black_box.check(yours, measured.gradients, parameters, wrong, constants))
    if wrong and not report.findings:
        right = [row.name for row in report.rows if row.verdict == RIGHT]
        text = (
            f"{', '.join(wrong)}: not the gradient, and no pattern that is known; right: {', '.join(right) or 'none'}"
        )
        report.add(Finding(f"place:{wrong[0]}", ", ".join(wrong), "unknown", text))
