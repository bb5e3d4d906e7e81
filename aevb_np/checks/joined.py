"""Two heads in one array: an encoder that gives mu and log sigma^2 side by side, as columns of one product.

Such an array is split for the checks, into `name[:, :5]` and `name[:, 5:]`, and put together again for the student's
functions; which half is which the checks find out as for any other arrays.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks import nested
from aevb_np.checks.student import Student
from aevb_np.model import VAE

Arrays = dict[str, NDArray]
Joints = dict[str, tuple[str, str, int]]  # of one array: its halves, and along which axis


def apart(student: Student, model: VAE) -> Student | None:
    """The same student with halves in place of joined arrays; None if nothing is joined, or names are declared."""
    if student.parameters is None or student.names is not None:
        return None
    joints = joints_of(student.made(model), model)
    if not joints:
        return None

    def wrapped(function: Callable | None) -> Callable | None:
        """The same with halves in its arrays."""
        return None if function is None else lambda p, *data: function(student.tree(together(p, joints)), *data)

    def gradients(p: Arrays, *data: NDArray) -> Any:
        assert student.gradients is not None
        return halves(student.named(student.gradients(student.tree(together(p, joints)), *data), "gradients"), joints)

    def update(p: Arrays, *data: NDArray) -> Any:
        assert student.update is not None
        given = student.tree(together(p, joints))
        answer = student.update(given, *data)
        return halves(student.named(given if answer is None else answer, "update"), joints)

    def parameters(D: int, H: int, J: int) -> Arrays:
        assert student.parameters is not None
        return halves(nested.flat(student.parameters(D, H, J)), joints)

    return replace(
        student, value=wrapped(student.value) or student.value, parameters=parameters,
        gradients=gradients if student.gradients else None, update=update if student.update else None,
        encode=wrapped(student.encode), decode=wrapped(student.decode),
    )  # fmt: skip


def joints_of(shapes: Mapping[str, tuple[int, ...]], model: VAE) -> Joints:
    """The arrays that have room for both heads of the encoder, or of a Gaussian decoder."""
    n_out = {2 * model.J} | ({2 * model.D} if "log_var" in model.decoder.shapes else set())
    found = {}
    for name, shape in shapes.items():
        for axis in (axis for axis, n in enumerate(shape) if n in n_out):
            before, n = axis * ":, ", shape[axis] // 2
            found[name] = f"{name}[{before}:{n}]", f"{name}[{before}{n}:]", axis
    return found


def halves(arrays: Mapping[str, Any], joints: Joints) -> Arrays:
    """Every joined array as two; one that cannot be split stands for both."""
    found = {}
    for name, array in arrays.items():
        if name not in joints:
            found[name] = array
            continue
        first, second, axis = joints[name]
        whole = np.asarray(array)
        fits = whole.ndim > axis and whole.shape[axis] % 2 == 0
        found[first], found[second] = np.split(whole, 2, axis) if fits else (whole, whole)
    return found


def together(arrays: Mapping[str, Any], joints: Joints) -> Arrays:
    """The halves put together again."""
    found = dict(arrays)
    for name, (first, second, axis) in joints.items():
        found[name] = np.concatenate([found.pop(first), found.pop(second)], axis)
    return found
