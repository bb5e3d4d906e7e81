"""Is the value's constant that of the bound? No gradient depends on it, but a number that is compared with others does.

All is counted in nats a row, of the bound that the value stands for.
"""

from collections.abc import Iterator

import numpy as np

from aevb_np.checks.problem import Point
from aevb_np.checks.report import Finding
from aevb_np.checks.student import Student
from aevb_np.checks.units import fixed_variance
from aevb_np.checks.values import SAME, Fit, Units, fault
from aevb_np.distributions import LOG_2PI

SMALL = 1e-4
DECODER, KL, PRIOR = "the constant of log p(x|z)", "the constant of the KL", "the constant of log p(z) or of log q(z|x)"
LEFT_OUT = "D/2 log(2 pi), the constant of log p(x|z), which is left out (NO_LOG_2PI = True says that this is meant)"


def check(found: Fit, at: Point, units: Units, student: Student) -> tuple[list[Finding], list[str]]:
    """A finding if the constant is not that of the bound, and notes."""
    (M, D), gaussian = at.x.shape, student.decoder == "gaussian"
    row = units.unit * M * units.reconstruction
    yours, whole = found.constant / row, -0.5 * D * LOG_2PI if gaussian else 0.0
    if variance := fixed_variance(student.decoder):
        whole = -0.5 * D * (LOG_2PI + np.log(variance))
        if abs(yours) < SMALL:  # as people write it
            return [], [f"the value leaves out the constant of log N(x; m, {variance:g}): it is {-whole:.6g} nats a "
                        "row too high"]  # fmt: skip
    of_prior = [0.0, *normalised(found, at, row)]
    offs = [yours - whole - c for c in of_prior]
    if min(map(abs, offs)) < SMALL:
        return [], []
    if gaussian and student.no_log_2pi and min(abs(off + whole) for off in offs) < SMALL:
        return [], [f"the value leaves out D/2 log(2 pi), as declared: it is {-whole:.6g} nats a row too high"]
    for off in offs:
        for looks, place, c in usual(at, gaussian, found.sampled):
            if abs(off - c) < SMALL:
                return [finding(f"{said(off)}: that is {looks}", place)], [harmless(off)]
    if len(of_prior) == 1 and any(found.prior.values()):  # a weight decay, or a prior of another variance
        return [], [f"the value has a constant of {offs[0]:.6g} a row that the bound has not: that of the prior?"]
    text = said(offs[0])
    if gaussian:
        text += f". Your constant is D/2 times {-2 * yours / D:.5g}; it should be D/2 times log(2 pi) = {LOG_2PI:.5g}"
    return [finding(text, "its constant")], [harmless(offs[0])]


def finding(text: str, place: str) -> Finding:
    """A finding about the constant."""
    return fault("constant", "a constant", text, "")._replace(place=f"{place} (no gradient depends on it)")


def harmless(off: float) -> str:
    """What it matters."""
    how = "high" if off > 0 else "low"
    return (
        f"the gradients do not depend on a constant; but the bound is {abs(off):.6g} nats a row too {how}, and can be "
        "compared with nobody's"
    )


def said(off: float) -> str:
    """How far off, and to which side."""
    side = "above" if off > 0 else "below"
    return f"the value is off by a constant: the bound it stands for is {abs(off):.6g} nats a row {side} the right one"


def normalised(found: Fit, at: Point, row: float) -> Iterator[float]:
    """The constant of log N(w; 0, I), if that is the prior; with another weight it may have another variance."""
    weights = {abs(c * len(at.x) / row) for c in found.prior.values() if c}
    if weights and all(abs(weight - 1) < SAME for weight in weights):
        yield -0.5 * LOG_2PI * sum(found.prior[name] * w.size for name, w, _ in at.p.arrays()) / row


def usual(at: Point, gaussian: bool, sampled: bool) -> Iterator[tuple[str, str, float]]:
    """What is written or forgotten, where that is, and by how much the bound is then too high."""
    (M, D), J = at.x.shape, at.eps.shape[1]
    kl, twice, latent = 0.5 * J, 0.5 * D * LOG_2PI, 0.5 * J * LOG_2PI
    decoder = list(of_decoder(M, D)) if gaussian else [
        ("D/2 log(2 pi), which a Bernoulli decoder has not", -twice),
        ("D log(2 pi), which a Bernoulli decoder has not", -2 * twice)]  # fmt: skip
    encoder = [
        ("J/2: the 1 in the KL, 1 + log sigma^2 - mu^2 - sigma^2, is missing", -kl),
        ("J/2: the 1 in the KL has come in twice", kl),
        ("J: the 1 in the KL has the wrong sign", -2 * kl),
        ("(J - 1)/2: the 1 in the KL enters once for a row, not J times", 0.5 - kl),
        ("J/2 - 1/(2 M): the 1 in the KL enters once for a batch, not J times for every row", 0.5 / M - kl),
    ]
    where = KL
    if sampled:
        where = PRIOR
        encoder = [
            ("J/2 log(2 pi): log q(z|x) has its constant, log p(z) has not", latent),
            ("J/2 log(2 pi): log p(z) has its constant, log q(z|x) has not", -latent),
            ("J log(2 pi): log q(z|x) has its constant with the wrong sign", -2 * latent),
            ("J log(2 pi): log p(z) has its constant with the wrong sign", 2 * latent),
        ]
    yield from ((looks, DECODER, c) for looks, c in decoder)
    yield from ((looks, where, c) for looks, c in encoder)
    for (one, a), (other, b) in ((x, y) for x in decoder for y in encoder):
        yield f"{one}; and {other}", f"{DECODER}, and {where.removeprefix('the constant of ')}", a + b


def of_decoder(M: int, D: int) -> Iterator[tuple[str, float]]:
    """The Gaussian's."""
    twice = 0.5 * D * LOG_2PI
    yield from [
        (LEFT_OUT, twice),
        ("D/2 log(2 pi): it has come in twice, or without its 1/2", -twice),
        ("D log(2 pi): it has the wrong sign", 2 * twice),
        ("log(2 pi) enters once for a batch, not D times for every row", twice - 0.5 * LOG_2PI / M),
        ("log(2 pi) enters once for a row, not D times", twice - 0.5 * LOG_2PI),
        ("D/2 log(pi), for the 2 in log(2 pi) is missing", 0.5 * D * np.log(2)),
    ]
