"""What a wrong gradient tells by itself, held against the measured one: nothing need be known of the code.

A sign, a factor, a transpose, a pair that changed places: faults of bookkeeping that leave the right numbers in sight.
"""

import itertools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks.names import kind_of_factor, told
from aevb_np.checks.numeric import apart
from aevb_np.checks.report import Finding

Arrays = Mapping[str, NDArray]
EQUAL = 1e-5
PLACE, PART = "the right numbers in the wrong place", "only some of the numbers"


def check(yours: Arrays, measured: Arrays, parameters: Arrays, wrong: list[str], constants: Mapping) -> list[Finding]:
    """Findings about the arrays in `wrong`, which are in backward order if that is known."""
    findings = []
    for order, name in enumerate(wrong):
        a, n = yours.get(name), measured[name]
        if a is None or a.shape != n.shape:
            found = shape_faults(name, a, n)
        else:
            found = array_faults(name, a, n, constants, alone=len(wrong) == 1)
        if not found and a is not None and a.shape == n.shape:
            found = decay(name, a, n, parameters[name])
        findings += [f._replace(order=order) for f in found]
    fitting = [name for name in wrong if name in yours and yours[name].shape == measured[name].shape]
    if len(fitting) == len(wrong):
        findings += together(yours, measured, wrong, constants)
    return findings + pairs(yours, measured, fitting, len(wrong))


def shape_faults(name: str, a: NDArray | None, n: NDArray) -> list[Finding]:
    """What a gradient of another shape than its parameter is."""
    if a is None:
        return [Finding(f"missing:{name}", name, "no gradient", f"there is no gradient for {name}")]
    if a.shape == n.shape[::-1] and apart(a.T, n) < EQUAL:
        return [Finding(f"transpose:{name}", name, PLACE, f"{name}: the right numbers, transposed")]
    if a.size == n.size and np.prod(a.shape) == max(a.shape) and apart(a.reshape(n.shape), n) < EQUAL:
        text = f"{name}: the right numbers, in the shape {a.shape} where the parameter has {n.shape}: keepdims?"
        return [Finding(f"shape of:{name}", name, "a wrong shape", text)]
    if a.ndim == n.ndim + 1 and len(a) > 1 and apart(a.sum(axis=0), n) < EQUAL:
        text = f"{name}: the sum over the rows of the batch is missing"
        return [Finding(f"not summed:{name}", name, "a sum is missing", text)]
    text = f"{name}: the gradient has shape {a.shape}, the parameter {n.shape}"
    return [Finding(f"shape:{name}", name, "a wrong shape", text)]


def array_faults(name: str, a: NDArray, n: NDArray, constants: Mapping, alone: bool = False) -> list[Finding]:
    """What is wrong with one gradient of the right shape, as far as its own numbers tell."""
    if not np.isfinite(a).all():
        text = f"{name}: {int((~np.isfinite(a)).sum())} numbers are NaN or infinite"
        return [Finding(f"nan:{name}", name, "not finite", text)]
    if not a.any():
        text = f"{name}: the gradient is 0 everywhere: never added to (dW = dW + ... makes another array), "
        text += "overwritten, or cut off to whole numbers"
        return [Finding(f"zero:{name}", name, "a gradient is missing", text)]
    if not n.any():
        text = f"{name}: the value does not depend on it, so its gradient is zero; yours is not"
        return [Finding(f"not zero:{name}", name, "a gradient of what is not used", text)]
    c = float((a * n).sum() / (n * n).sum())
    if a.size > 1 and apart(a, c * n) < EQUAL:
        said = told(c, constants)
        if said in ("1/M", "M") and n.squeeze().ndim < 2 and alone:
            kinds = {"1/M": "a mean over the rows where a sum belongs", "M": "a sum over the rows where a mean belongs"}
            text = f"{name}: {kinds[said]}: it is {said} times what it should be"
            return [Finding(f"mean:{name}", name, "a mean for a sum", text, whole=True)]
        verb = "has the wrong sign" if said == "-1" else f"is {said} times what it should be"
        return [Finding(f"factor:{name}:{said}", name, kind_of_factor(said), f"{name}: the gradient {verb}")]
    return displaced(name, a, n) or whole_numbers(name, a, n, constants) or confined(name, a, n)


def whole_numbers(name: str, a: NDArray, n: NDArray, constants: Mapping) -> list[Finding]:
    """A gradient that went through an array of integers, and was divided by the number of rows later, or was not."""
    for k in (1, constants.get("M", 1)):
        if a.size > 3 and np.abs(k * a - np.round(k * a)).max() < 1e-12 * max(1.0, np.abs(k * a).max()):
            text = f"{name}: {f'{k} times it' if k > 1 else 'it'} is all whole numbers: its array is one of integers"
            return [Finding(f"integers:{name}", name, "few digits", text)]
    return []


def displaced(name: str, a: NDArray, n: NDArray) -> list[Finding]:
    """Right numbers in wrong places, one number everywhere, numbers cut off."""
    low, high = a.min(), a.max()
    if a.size > 1 and high - low < 1e-12 * abs(high) and n.max() - n.min() > 1e-3 * np.abs(n).max():
        total = " (their sum)" if abs(high - n.sum()) < EQUAL * abs(high) else ""
        text = f"{name}: all entries are the same number{total}: summed over everything instead of the rows only"
        return [Finding(f"constant:{name}", name, "a sum over the wrong axes", text)]
    if a.ndim == 2 and a.shape == a.T.shape and apart(n.T, a) < EQUAL:
        return [Finding(f"transpose:{name}", name, PLACE, f"{name}: the right numbers, transposed")]
    if a.ndim == 2 and apart(n.T.reshape(a.shape), a) < EQUAL:
        text = f"{name}: the right numbers in the wrong order: a reshape where a transpose belongs"
        return [Finding(f"reshape:{name}", name, PLACE, text)]
    half = a.shape[-1] // 2
    if a.shape[-1] == 2 * half > 2 and apart(np.roll(n, half, axis=-1), a) < EQUAL:
        text = f"{name}: the right numbers, but its two halves have changed places"
        return [Finding(f"permuted:{name}", name, PLACE, text)]
    if a.size > 3 and apart(np.sort(a, axis=None), np.sort(n, axis=None)) < EQUAL:
        return [Finding(f"permuted:{name}", name, PLACE, f"{name}: the right numbers in other places")]
    limit = np.abs(a).max()
    cut = np.clip(n, -limit, limit)
    if a.size > 3 and np.isclose(np.abs(a), limit, 1e-9).sum() > 1 and apart(a, cut) < EQUAL:
        text = f"{name}: right up to {limit:.4g}, where everything larger is cut off: gradient clipping is on"
        return [Finding(f"clipped:{name}", name, "numbers are cut off", text)]
    return []


def confined(name: str, a: NDArray, n: NDArray) -> list[Finding]:
    """A fault in some rows, columns or entries, when most are right."""
    off = np.abs(a - n) > EQUAL * np.abs(n).max()
    kinds = {"rows": off.any(axis=1), "columns": off.any(axis=0)} if a.ndim == 2 else {"entries": off.ravel()}
    for kind, hit in kinds.items():
        where = np.flatnonzero(hit).tolist()
        if 0 < len(where) <= hit.size // 2:
            text = f"{name}: only the {kind} {where} are wrong"
            return [Finding(f"confined:{name}:{kind}:{where}", name, PART, text)]
    return []


def decay(name: str, a: NDArray, n: NDArray, w: NDArray) -> list[Finding]:
    """A difference that is a multiple of the parameter itself: the prior on the weights."""
    difference, c = a - n, float(((a - n) * w).sum() / max((w * w).sum(), 1e-300))
    if w.size < 2 or apart(difference, c * w) > 1e-4:
        return []
    text = f"{name}: yours - measured = {c:.4g} {name}: too much or too little of a prior on the weights"
    return [Finding(f"decay:{name}", name, "the prior on the weights", text)]


def together(yours: Arrays, measured: Arrays, wrong: list[str], constants: Mapping) -> list[Finding]:
    """One factor for everything, or for all that is one-dimensional."""
    n = {name: measured[name] for name in wrong}
    factors = {name: float((yours[name] * n[name]).sum() / (n[name] ** 2).sum()) for name in wrong if n[name].any()}
    if not wrong or any(apart(yours[name], factors.get(name, 0.0) * n[name]) > EQUAL for name in wrong):
        return []
    said = [told(c, constants) for c in factors.values()]
    if len(factors) == len(measured) > 1 and len(set(said)) == 1:
        verbs = {"-1": "has the wrong sign: up and down are mixed up", "0": "is 0"}
        verb = verbs.get(said[0], f"is {said[0]} times too large")
        text, kind = f"every gradient {verb}", kind_of_factor(said[0])
        return [Finding(f"factor:all:{said[0]}", "in every array", kind, text, whole=True)]
    if len(wrong) > 1 and all(abs(np.linalg.norm(yours[name]) - 1) < EQUAL for name in wrong):
        text = "every gradient is scaled to length 1"
        return [Finding("factor:length 1", "in every array", "their length", text, whole=True)]
    biases = [name for name in measured if measured[name].squeeze().ndim < 2]
    if len(biases) > 1 and set(wrong) == set(biases):
        text = f"all bias gradients, and only they, are {' or '.join(sorted(set(said)))} times too large: "
        text += "a mean over the rows where a sum belongs (or the other way round)"
        return [Finding("factor:biases:" + ",".join(said), "in the biases", "a factor", text, whole=True)]
    return []


def pairs(yours: Arrays, measured: Arrays, wrong: list[str], total: int) -> list[Finding]:
    """Gradients that changed places."""
    findings = []
    for a, b in itertools.combinations(wrong, 2):
        if measured[a].shape == measured[b].shape and apart(yours[a], measured[b]) < EQUAL > apart(
            yours[b], measured[a]
        ):
            text, whole = f"the gradients of {a} and {b} have changed places", total in (2, 4)
            findings.append(Finding(f"swap:{a}:{b}", f"{a} and {b}", PLACE, text, whole=whole, order=wrong.index(a)))
        elif measured[a].shape == measured[b].shape and yours[a].any() and apart(yours[a], yours[b]) < 1e-12:
            text = f"the gradients of {a} and {b} are the same numbers: is it one array under two names, so that "
            text += "+= or *= on one changes the other as well?"
            findings.append(Finding(f"twins:{a}:{b}", f"{a} and {b}", "one array, two names", text,
                                    order=wrong.index(a)))  # fmt: skip
    return findings
