"""Rows that are right one at a time and wrong together: one counts twice, or all share a mean that each should have.

A step of the way back is computed for all rows, with one of its numbers replaced by its mean over the rows, or by that
of the first row; what gives the student's gradient is what was done.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks import slopes
from aevb_np.checks.formulas import after, backwards, before
from aevb_np.checks.mapping import Mapping
from aevb_np.checks.numeric import apart
from aevb_np.checks.problem import Point
from aevb_np.checks.reference import BACKWARD_ORDER, MODEL_PARTS, activations, backward_order, layer, summed, units_of
from aevb_np.checks.report import Finding
from aevb_np.reparameterization import repeat

Arrays = dict[str, NDArray]
EQUAL = 1e-6
INPUT = {"phi.hidden": "x", "phi.mean": "h_enc", "phi.log_var": "h_enc", "theta.hidden": "z"}  # the others: h_dec
SYMBOLS = {
    "theta.logits": ["x", "y"],
    "theta.mean": ["x", "m", "prec"],
    "theta.log_var": ["x", "m", "prec"],
    "theta.hidden": ["h_dec"],
    "phi.mean": ["mu"],
    "phi.log_var": ["eps", "sigma"],
    "phi.hidden": ["h_enc"],
}
MIXED: dict[str, Callable[[NDArray], NDArray]] = {
    "its mean over the rows is": lambda rows: rows.mean(axis=1, keepdims=True),
    "that of the first row is": lambda rows: rows[:, :1],
    "that of the last row is": lambda rows: rows[:, -1:],
    "that of the row before is": before,
    "that of the row after is": after,
    "those of the rows in reverse are": backwards,
    "those of all samples' rows in reverse are": lambda rows: rows[::-1, ::-1],
}


def alike(mapping: Mapping, at: Point, name: str, yours: Arrays) -> bool:
    """Whether an array's gradient is that of single rows, added up or averaged: then what is true of one is of all."""
    if any(mapping.units(at).prior.values()) or name not in yours:
        return True
    ones = [mapping.gradient(at.row(m, s)).get(name) for m in range(len(at.x)) for s in range(at.samples)]
    if any(one is None for one in ones):
        return True
    together = np.sum(ones, axis=0)  # type: ignore[arg-type]
    c = float((yours[name] * together).sum() / max((together * together).sum(), 1e-300))
    return apart(yours[name], c * together) < 1e-5


def check(mapping: Mapping, at: Point, yours: Arrays, wrong: list[str]) -> list[Finding]:
    """What the first wrong layer is made of, when all that comes before it is right."""
    first = layer(wrong[0])
    known, units = mapping.units(at), units_of(mapping.model)
    v = activations(mapping.model, Point(at.p, repeat(at.x, at.samples), at.eps))
    W = {name: w for name, w, _ in at.p.arrays() if name.endswith(".W")}
    deltas: Arrays = {}
    for name in BACKWARD_ORDER[: BACKWARD_ORDER.index(first)]:
        if f"{name}.W" in W:
            deltas[name] = slopes.choices(name, v, W, deltas, (known.reconstruction, known.all_of_kl), units)[0].delta

    def step(numbers: Arrays, k: float = known.all_of_kl) -> NDArray:
        return slopes.choices(first, numbers, W, deltas, (known.reconstruction, k), units)[0].delta

    if found := of_one_row(mapping, at, yours, first, step(v)):
        return found
    right, truth = step(v), summed(mapping.paths(at))[f"{first}.b"]
    for symbol in SYMBOLS[first]:
        for text, mix in MIXED.items():
            rows = v[symbol].reshape(at.samples, len(at.x), -1)
            mixed = v | {symbol: np.broadcast_to(mix(rows), rows.shape).reshape(v[symbol].shape)}
            of_kl = step(mixed) - step(mixed, 0.0)
            for made in (step(mixed), step(mixed, 0.0) + right - step(v, 0.0), right - (right - step(v, 0.0)) + of_kl):
                predicted = truth + (made - right).sum(axis=0) / at.samples
                if apart(yours.get(f"{first}.b", truth), predicted) < EQUAL < apart(predicted, truth):
                    return [told(mapping, f"{first}.b", f"where {symbol} of every row belongs, {text} used")]
    if f"{first}.b" in wrong or f"{first}.W" not in yours:
        return []
    return of_weights(mapping, at, yours[f"{first}.W"], first, v[INPUT.get(first, "h_dec")], step(v, 0.0), step(v))


def of_one_row(mapping: Mapping, at: Point, yours: Arrays, first: str, deltas: NDArray) -> list[Finding]:
    """Biases that take the delta of one row where the sum over the rows belongs."""
    name = f"{first}.b"
    rows = deltas / at.samples
    if first.startswith("phi"):
        rows = rows.reshape(at.samples, len(at.x), -1).sum(axis=0)
    for k, which in ((0, "first"), (-1, "last")):
        if apart(yours.get(name, 0 * rows[k]), rows[k]) < EQUAL:
            place = f"{MODEL_PARTS[first]} ({mapping.mine(name)})"
            text = f"{place}: it is the delta of the {which} row only, where the sum over all rows belongs"
            return [Finding(f"mixed:{first}", place, "a part of the batch", text, order=backward_order(name))]
    return []


def of_weights(
    mapping: Mapping, at: Point, yours: NDArray, first: str, u: NDArray, of_z: NDArray, delta: NDArray
) -> list[Finding]:
    """What the weights are made of, when the biases are right: inputs and deltas of different rows."""
    name = f"{first}.W"
    L, M, truth = at.samples, len(at.x), summed(mapping.paths(at))[name]

    def off(inputs: NDArray, deltas: NDArray) -> float:
        predicted = truth + (inputs.T @ deltas - u.T @ delta) / L
        return apart(yours, predicted) if apart(predicted, truth) > EQUAL else np.inf

    symbol = INPUT.get(first, "h_dec")
    for text, mix in MIXED.items():
        rows = u.reshape(L, M, -1)
        if off(np.broadcast_to(mix(rows), rows.shape).reshape(u.shape), delta) < EQUAL:
            used = f"in the gradient of {mapping.mine(name)}, where {symbol} of every row belongs, {text} used"
            return [told(mapping, name, used)]
    read = np.swapaxes(of_z.reshape(M, L, -1), 0, 1).reshape(of_z.shape)
    if L > 1 and off(u, read + delta - of_z) < EQUAL:
        used = f"what comes back for {L} samples of {M} rows, (L, M, n), is read as (M, L, n)"
        return [told(mapping, name, used)]
    return []


def told(mapping: Mapping, name: str, text: str) -> Finding:
    """A finding about rows together."""
    place = f"{MODEL_PARTS[layer(name)]} ({mapping.mine(name)})"
    whole = f"{place}: every row by itself is right, all together are not: {text}"
    return Finding(f"mixed:{layer(name)}", place, "rows that are mixed", whole, order=backward_order(name))
