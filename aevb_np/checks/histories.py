"""What the gradients take from x and eps, and whether they keep it: the same question again, after others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks.hygiene import copied, fault, same
from aevb_np.checks.numeric import apart
from aevb_np.checks.probes import stacked
from aevb_np.checks.problem import Point
from aevb_np.checks.report import Finding
from aevb_np.checks.student import Student, StudentError

Arrays = dict[str, NDArray]
KEPT = "it uses numbers kept from another call"
ROUNDED = "x is rounded to 0 and 1 in gradients; the value takes it as it is"
OTHER_DATA = {
    ROUNDED: lambda at: at._replace(x=np.round(at.x)),
    "eps loses its sign in gradients; the value takes it as it is": lambda at: at._replace(eps=np.abs(at.eps)),
    "the gradients do not depend on eps, the value does": lambda at: at._replace(eps=0 * at.eps),
}


def asked(student: Student, parameters: Arrays, at: Point) -> Arrays:
    """The gradients, in arrays that a later call cannot change."""
    return {name: np.array(g) for name, g in student.gradients_at(copied(parameters), at).items()}


def check(student: Student, parameters: Arrays, at: Point) -> list[Finding]:
    """Whether the gradient at one place depends on what was asked before: other data, or other numbers of rows."""
    rng = np.random.default_rng(4)
    here = asked(student, parameters, at)
    other = at._replace(x=rng.random(at.x.shape), eps=rng.standard_normal(at.eps.shape))
    student.value_at(copied(parameters), other)
    asked(student, parameters, other)
    text = "the gradient depends on the data for which the code was called before: " + KEPT
    if not same(here, asked(student, parameters, at)):
        return [fault("stale cache", "in gradients", text)]
    try:
        return by_shape(student, parameters, at, here) or by_rows(student, parameters, at, here)
    except StudentError:
        return []  # it cannot do with other numbers of rows


def by_rows(student: Student, parameters: Arrays, at: Point, here: Arrays) -> list[Finding]:
    """With every row twice the gradient grows as the value's changes do, if it is right for the rows asked first."""
    rng, twice = np.random.default_rng(12), stacked(at, 2)
    step = {name: 1e-4 * rng.standard_normal(np.shape(w)) for name, w in parameters.items()}

    def change(point: Point) -> float:
        up, down = ({name: w + sign * step[name] for name, w in parameters.items()} for sign in (1, -1))
        return student.value_at(up, point) - student.value_at(down, point)

    def rise(gradient: Arrays) -> float:
        return 2 * float(sum((gradient[name] * d).sum() for name, d in step.items()))

    if not same_shapes(here, parameters) or abs(rise(here) / change(at) - 1) > 1e-5:
        return []
    c = rise(asked(student, parameters, twice)) / change(twice)
    if not abs(c - 1) > 1e-4:
        return []
    text = f"right for {len(at.x)} rows, {c:.4g} times too large for {len(twice.x)}: a number of rows is kept from the "
    return [fault("rows kept", "in gradients", text + "first call, or written down", "a number of rows")]


def same_shapes(gradients: Arrays, parameters: Arrays) -> bool:
    """Whether every array has a gradient of its shape."""
    return all(name in gradients and gradients[name].shape == np.shape(w) for name, w in parameters.items())


def shared(student: Student, parameters: Arrays, at: Point) -> list[str]:
    """A note where a later call changes what an earlier one gave."""
    if student.gradients is None or student.one_row:
        return []
    (_, given), *_ = student.asked(student.gradients, copied(parameters), at)
    first = student.named(given, "gradients")
    before = {name: np.array(g) for name, g in first.items()}
    student.asked(student.gradients, {name: w + 0.1 for name, w in copied(parameters).items()}, at)
    now = student.named(given, "gradients")
    if all(np.array_equal(now[name], g, equal_nan=True) for name, g in before.items()):
        return []
    return ["gradients gives the same arrays, or the same dictionary, in every call: what was given before changes; "
            "copy it if you keep it"]  # fmt: skip


def by_shape(student: Student, parameters: Arrays, at: Point, here: Arrays) -> list[Finding]:
    """With every row three times the gradient is the same, or three times it; so it must be with twice the rows.

    Those are asked for at other parameters first: what is kept for every shape of x is then seen.
    """
    rng = np.random.default_rng(6)
    elsewhere = {name: w + 0.3 * rng.standard_normal(np.shape(w)) for name, w in parameters.items()}
    asked(student, elsewhere, stacked(at, 2))
    twice, thrice = asked(student, parameters, stacked(at, 2)), asked(student, parameters, stacked(at, 3))
    if all(proportional(g, here[name]) for name, g in thrice.items()) and not all(
        proportional(g, here[name]) for name, g in twice.items()
    ):
        text = "the gradient depends on the parameters for which the code was called before with as many rows: "
        return [fault("stale cache", "in gradients", text + KEPT)]
    return []


def proportional(a: NDArray, b: NDArray) -> bool:
    """Whether a is b but for a factor."""
    if np.shape(a) != np.shape(b):
        return False
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    c = float((a * b).sum() / max((b * b).sum(), 1e-300))
    return apart(a, c * b) < 1e-5


def other_data(student: Student, parameters: Any, at: Point) -> list[Finding]:
    """Whether wrong gradients are right ones, of other data."""
    here, value = asked(student, parameters, at), student.value_at(copied(parameters), at)
    for text, changed in OTHER_DATA.items():
        there = changed(at)
        moved = abs(student.value_at(copied(parameters), there) - value) > 1e-9 * abs(value)
        if moved and same(here, asked(student, parameters, there)):
            return [Finding(f"data:{text}", "in gradients", "other data than the value's", text, whole=True, order=-1)]
    return []
