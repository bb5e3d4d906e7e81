"""Which rows, samples, pixels or latent dimensions count in the value, and how often, when not all count alike?

The reconstruction or the KL is split along one of its axes, every part with a coefficient of its own. If that makes the
value exactly, the coefficients say what is left out and what counts twice.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks import formulas
from aevb_np.checks.formulas import RIGHT
from aevb_np.checks.names import told
from aevb_np.checks.numeric import combination
from aevb_np.checks.problem import Point
from aevb_np.checks.student import Student, Windows
from aevb_np.checks.values import EXACT, MANY, SAME, Fit, Terms, at_points, cleaned, enters, points_for
from aevb_np.model import VAE
from aevb_np.numerics import softplus
from aevb_np.reparameterization import repeat

RECONSTRUCTION, KL, BOTH = "the reconstruction", "the KL", "the value"
# Along what each is split: the axes of (L, M, D) and of (M, J) that are left, and what a part is called.
SPLITS: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [
    ("row", (0, 2), (1,)),
    ("sample", (1, 2), (0, 1)),
    ("pixel", (0, 1), (0, 1)),
    ("latent dimension", (0, 1, 2), (0,)),
]


def parts(terms: Terms, at: Point, encoded: tuple[NDArray, NDArray]) -> tuple[NDArray, NDArray]:
    """log p(x|z) as (L, M, D), divided by L, without log 2 pi, and the KL as (M, J)."""
    log_px = terms.likelihoods[RIGHT](*terms.decoded(at, encoded))
    return log_px.reshape(at.samples, *at.x.shape) / at.samples, formulas.KL[RIGHT](*encoded)


def fit(student: Student, windows: Windows, model: VAE, samples: int, rows: int) -> Fit | None:
    """The right value, but that not all rows, samples, pixels or latent dimensions count alike."""
    terms = Terms(model, points_for(model, samples, rows, MANY), windows)
    value = at_points(student, windows, terms.points)
    split = [parts(terms, *pair) for pair in zip(terms.points, terms.encoded)]
    for kind, of_reconstruction, of_kl in SPLITS:
        columns = [np.stack([np.atleast_1d(log_px.sum(of_reconstruction)) for log_px, _ in split], 1)]
        columns += [np.stack([np.atleast_1d(kl.sum(of_kl)) for _, kl in split], 1)]
        made = combination([*columns[0], *columns[1], *terms.prior, np.ones(len(value))], value)
        if made is None or made[1] > EXACT:
            continue
        n, m = map(len, columns)
        *counts, of_prior = np.split(cleaned(made[0]), [n, n + m])
        if all(any(c) for c in counts):
            a, b = (whole(c, rows) for c in counts)
            return Fit(a, b, terms.prior_of(of_prior), float(of_prior[-1]), tuple(uneven(kind, *counts)))
    return None


# The terms of which the right formulas are sums, (name, term); the KL counts with a minus.
TERMS_OF: dict[str, list[tuple[str, Callable]]] = {
    "logits": [("the reconstruction's x log y", lambda x, a: -x * softplus(-a)),
           ("the reconstruction's (1 - x) log(1 - y)", lambda x, a: -(1 - x) * softplus(a))],
    "log_var": [("the reconstruction's -log sigma", lambda x, m, s: -0.5 * s),
            ("the reconstruction's square", lambda x, m, s: -0.5 * (x - m) ** 2 * np.exp(-s))],
}  # fmt: skip
TERMS_OF_KL: list[tuple[str, Callable]] = [
    ("the KL's mu^2", lambda mu, s, eps: -0.5 * mu**2),
    ("the KL's sigma^2", lambda mu, s, eps: -0.5 * np.exp(s)),
    ("the KL's log sigma^2", lambda mu, s, eps: 0.5 * s),
]
TERMS_OF_SAMPLED: list[tuple[str, Callable]] = [
    ("the z^2 of log p(z)", lambda mu, s, eps: -0.5 * (mu + np.exp(0.5 * s) * eps) ** 2),
    ("the log sigma^2 of log q(z|x)", lambda mu, s, eps: 0.5 * s),
    ("the (z - mu)^2 / sigma^2 of log q(z|x)", lambda mu, s, eps: 0.5 * eps**2),
]


def by_formula(student: Student, windows: Windows, model: VAE, samples: int, rows: int) -> Fit | None:
    """The right value, but that one or two of the terms of its formulas enter with another factor."""
    terms = Terms(model, points_for(model, samples, rows, MANY), windows)
    value, last = at_points(student, windows, terms.points), list(model.decoder.shapes)[-1]
    whole = [("the reconstruction", terms.likelihoods[RIGHT])]
    for of_kl in (TERMS_OF_KL, TERMS_OF_SAMPLED):
        if found := with_factors(terms, value, TERMS_OF.get(last, whole), of_kl):
            return found
    return None


def with_factors(terms: Terms, value: NDArray, of_x: list[tuple[str, Callable]], of_z: list[tuple[str, Callable]]
                 ) -> Fit | None:  # fmt: skip
    """The factors with which the terms make the value, if they do and one or two of them are not as the others."""
    columns, samples, named = [], terms.points[0].samples, [*of_x, *of_z]
    for at, encoded in zip(terms.points, terms.encoded):
        of_reconstruction = terms.decoded(at, encoded)
        of_kl = *(repeat(array, samples) for array in encoded), at.eps
        columns.append([f(*of_reconstruction).sum() / samples for _, f in of_x])
        columns[-1] += [f(*of_kl).sum() / samples for _, f in of_z]
    made = combination([*np.array(columns).T, *terms.prior, np.ones(len(value))], value)
    if made is None or made[1] > EXACT:
        return None
    counts, of_prior = np.split(cleaned(made[0]), [len(named)])
    unit = common(counts)
    odd = [i for i, c in enumerate(counts) if abs(c - unit) > SAME * abs(unit)]
    if not 0 < len(odd) < 3 or abs(unit) < 1e-6:
        return None
    constants = terms.points[0].constants
    names, factors = [name for name, _ in named], [float(counts[i] / unit) for i in odd]
    faults = tuple(f"{names[i]} {enters(k, constants)}" for i, k in zip(odd, factors))
    if len(odd) == 2 and all("log q" in names[i] for i in odd) and abs(factors[0] - factors[1]) < SAME:
        faults = (f"all of log q(z|x) {enters(factors[0], constants)}",)
    return Fit(unit, -unit, terms.prior_of(of_prior), float(of_prior[-1]), faults)


def common(counts: NDArray) -> float:
    """How often most of what counts does."""
    some = counts[counts != 0]
    return float(max(some, key=lambda c: (np.abs(some - c) < SAME * abs(c)).sum()))


def whole(counts: NDArray, rows: int) -> float:
    """One coefficient for all: that of most, or the mean if that is of the bound, summed or averaged over the rows."""
    mean = float(counts.mean())
    return mean if min(abs(abs(mean) * k - 1) for k in (1, rows)) < SAME else common(counts)


def uneven(kind: str, reconstruction: NDArray, kl: NDArray) -> list[str]:
    """What does not count as the others do, in words."""
    said = {}
    for term, counts in ((RECONSTRUCTION, reconstruction), (KL, kl)):
        if len(counts) > 1 and (text := oddly(kind, counts / common(counts))):
            said[term] = text
    if len(said) == 2 and len(set(said.values())) == 1:
        return [f"{BOTH} {said[KL]}"]
    return [f"{term} {text}" for term, text in said.items()]


def oddly(kind: str, counts: NDArray) -> str:
    """Which of the parts are left out, or counted otherwise than most; nothing if all count alike."""
    out, in_ = np.flatnonzero(counts == 0), np.flatnonzero(counts)
    odd = [i for i in in_ if abs(counts[i] - 1) > SAME]
    said = []
    if len(out):
        fewer = len(out) <= len(in_)
        said = [f"leaves out {called(kind, out, len(counts))}"] if fewer else [
            f"has {called(kind, in_, len(counts))} only" + ", or its eps for all" * (kind == "sample")]  # fmt: skip
    if odd:
        times = ", ".join(sorted({told(float(counts[i]), {}) for i in odd}))
        said.append(f"counts {called(kind, np.array(odd), len(counts))} {times} times, the others once")
    return " and ".join(said)


def called(kind: str, which: NDArray, count: int) -> str:
    """row 6 (the last, counting from 0)."""
    if len(which) > 1:
        return f"the {kind}s {', '.join(map(str, which))} (of 0 to {count - 1})"
    ends = {0: "the first", count - 1: "the last"}
    return f"{kind} {which[0]} ({ends.get(int(which[0]), f'of 0 to {count - 1}')})"
