"""Numbers beside those that are expected: one pair to look at, and what they have in common, without a word of why."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks.names import factor, kind_of_factor, told


def close(a: NDArray, b: NDArray) -> bool:
    """Whether the two are the same, to rounding, which is coarser in float32."""
    coarse = np.asarray(a).dtype == np.float32
    return bool(np.allclose(a, b, rtol=1e-5 if coarse else 1e-7, atol=2e-6 if coarse else 1e-9))


def pair(yours: NDArray, right: NDArray, inputs: Mapping[str, NDArray]) -> str:
    """The entry that is furthest off, both numbers, and the inputs that it is made of.

    Examples
    --------
    >>> print(pair(np.array([3.0, 4.0]), np.array([3.0, 2.0]), {"x": np.array([[1.0, 2.0], [2.0, 0.0]])}))
    x = [2 0]
    yours 4, expected 2
    """
    at = np.unravel_index(np.argmax(np.abs(yours - right)), yours.shape)
    numbers = f"yours {yours[at]:.6g}, expected {right[at]:.6g}"
    if not inputs:
        return f"{[int(i) for i in at]}: {numbers}" if at else numbers
    rows = any(a.ndim > yours.ndim for a in inputs.values())
    said = [f"{name} = {spoken(a[at])}" for name, a in inputs.items()]
    return "\n".join([*said, numbers]) if rows else f"{', '.join(said)}: {numbers}"


def spoken(numbers: NDArray) -> str:
    """A number, or a row of them."""
    return f"{numbers:.4g}" if np.ndim(numbers) == 0 else f"[{' '.join(f'{number:.4g}' for number in numbers)}]"


def likeness(yours: NDArray, right: NDArray, constants: Mapping[str, float]) -> str:
    """In what way wrong numbers are like the right ones.

    Examples
    --------
    >>> right = np.array([0.5, -2.0, 4.0])
    >>> [likeness(wrong, right, {"D": 11}) for wrong in (-right, right / 11, right + 1, right**3)]
    ['the wrong sign', 'a factor, 1/D', 'a term: 1 more everywhere', 'the right sign everywhere, another size']
    """
    if not np.isfinite(yours).all():
        return "NaN or infinite numbers"
    if not right.any():
        return "other numbers where 0 is expected"
    if not yours.any():
        return "0 everywhere"
    if close(yours, -right):
        return "the wrong sign"
    varied = np.ptp(right) > 0  # of equal numbers any others are a multiple
    c = float((yours * right).sum()) / float((right * right).sum())
    if yours.size > 1 and close(yours, c * right) and c and (varied or factor(c, constants)):
        return kind_of_factor(told(c, constants))
    if varied and np.ptp(yours - right) < 1e-9:
        more = float((yours - right).mean())
        return f"a term: {abs(more):.4g} {'more' if more > 0 else 'less'} everywhere"
    return of_another_kind(yours, right)


def of_another_kind(yours: NDArray, right: NDArray) -> str:
    """What can be said of numbers that are neither a multiple nor moved by a constant."""
    if (hit := int(np.isclose(yours, right, rtol=1e-7, atol=1e-9).sum())) and yours.size > 1:
        return f"{hit} of {yours.size} numbers are right"
    if yours.size > 1 and close(np.sort(yours, axis=None), np.sort(right, axis=None)):
        return "the right numbers in other places"
    if yours.ndim == 2 and len(yours) > 1 and yours.shape[1] > 1 and (right != 0).all():
        ratio = yours / right
        if close(ratio, np.broadcast_to(ratio[:, :1], ratio.shape)):
            return "a factor of its own for every row"
    if (yours * right > 0).all():
        larger = np.abs(yours) > np.abs(right)
        size = "too large" if larger.all() else "another size" if larger.any() else "too small"
        return f"the right sign{' everywhere' * (yours.size > 1)}, {size}"
    return "another quantity of the same shape"
