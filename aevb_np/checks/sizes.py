"""Sizes that a program can do with, when the kit's own do not fit; and the rate of an update.

Pixels that form a square, whole batches only, one size written down: the kit tries what people have, and says so.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks import mapping
from aevb_np.checks.numeric import along
from aevb_np.checks.problem import Point
from aevb_np.checks.student import Student, StudentError

Arrays = dict[str, NDArray]
# What people write, beside D = 11: squares, images with channels, and MNIST's own size.
TRIED: list[tuple[str, dict[str, Any]]] = [
    ("D = 16", {"sizes": {"D": 16}}),
    ("SHAPE = (4, 4)", {"shape": (4, 4)}),
    ("SHAPE = (1, 4, 4)", {"shape": (1, 4, 4)}),
    ("SHAPE = (4, 4, 1)", {"shape": (4, 4, 1)}),
    ("D = 64", {"sizes": {"D": 64}}),
    ("SHAPE = (8, 8)", {"shape": (8, 8)}),
    ("SHAPE = (1, 8, 8)", {"shape": (1, 8, 8)}),
    ("D = 784", {"sizes": {"D": 784, "H": 3, "J": 2}}),
    ("ONE_ROW = True", {"one_row": True}),
    ("COLUMNS = True", {"columns": True}),
    ("LABELS = 10", {"labels": 10}),
]


def runs(student: Student) -> bool:
    """Whether the value and the gradients can be had."""
    try:
        at = mapping.problem_for(None, student)
        shapes = student.shapes(mapping.models(student)[0])
        arrays = {name: np.full(shape, 0.1) for name, shape in shapes.items()}
        if not np.isfinite(student.value_at(arrays, at)):
            return False
        found = student.gradients_at(arrays, at)
        return all(name in found and found[name].shape == w.shape for name, w in arrays.items())
    except (StudentError, ValueError):
        return False


def stops(student: Student) -> bool:
    """Whether the value cannot be had at all: then the sizes may be what does not fit."""
    try:
        at = mapping.problem_for(None, student)
        shapes = student.shapes(mapping.models(student)[0])
        student.value_at({name: np.full(shape, 0.1) for name, shape in shapes.items()}, at)
    except StudentError:
        return True
    return False


def fitting(student: Student) -> tuple[Student, str] | None:
    """The student with other sizes, and a note, if the value stops with the kit's own sizes and runs with these."""
    if student.names is not None or student.sizes or student.shape or not stops(student):
        return None
    for line, declared in TRIED:
        other = replace(student, **declared)
        if runs(other):
            said = "the sizes that the kit takes, D = 11, H = 8, J = 5, do not fit it"
            return other, f"checked with {line}, which you can declare; {said}"
    return None


def rate_of(student: Student, parameters: Arrays, at: Point) -> float:
    """What an update multiplies the gradient with: the value's slope along its own move says so."""
    move = student.gradients_at({name: w.copy() for name, w in parameters.items()}, at)
    length, t = float(np.sqrt(sum(float((g**2).sum()) for g in move.values()))), np.zeros(1)
    direction = {name: g / (length or 1.0) for name, g in move.items()}

    def value() -> float:
        return student.value_at({name: w + t[0] * direction.get(name, 0.0) for name, w in parameters.items()}, at)

    slope = float(along(value, t, np.ones(1)).gradient)
    c = slope and length / slope
    return float(f"{c:.6g}") if c and np.isfinite(c) else 1.0
