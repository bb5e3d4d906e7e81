"""In which part of an unknown value is the fault? Parts are held still until what is left is right.

Along points that differ in the decoder only, the KL is a number, so the reconstruction shows by itself;
with zeros in the decoder the reconstruction is one, so the KL shows. With zeros in the weights that z comes in through,
the reconstruction depends on nothing but the decoder.
"""

from collections.abc import Sequence

import numpy as np

from aevb_np.checks.formulas import RIGHT, SAMPLED
from aevb_np.checks.numeric import combination
from aevb_np.checks.problem import Point
from aevb_np.checks.student import Student, Windows
from aevb_np.checks.values import EXACT, Terms, at_points
from aevb_np.model import VAE
from aevb_np.params import Params

PRIOR, KL, Z = "the prior on the parameters", "the KL", "z"
EXACTLY = PRIOR, KL, Z  # what all else is right beside
ENCODER = "the encoder"
PLACES = 3  # encoders that are held still; one that clips does not do so everywhere


def wrong(student: Student, windows: Windows, model: VAE, points: list[Point]) -> tuple[str, str]:
    """Which part is not right, and how that is known; "" and "" if it is not."""

    def right(those: Sequence[Point], part: str) -> bool:
        terms = Terms(model, list(those))
        value = at_points(student, windows, terms.points)
        columns = [terms.reconstruction(RIGHT, RIGHT)] if part == "reconstruction" else [terms.kl(part)]
        prior = [c for c in terms.prior if np.ptp(c) > 1e-9]
        found = combination([*columns, *prior, np.ones(len(value))], value)
        return found is not None and found[1] < EXACT and abs(found[0][0]) > 1e-6

    if prior_only(student, windows, model, points):
        return PRIOR, "reconstruction and KL are right; what is added to them is no -w^2 / 2"
    still = [[one_encoder(at, points[k]) for at in points] for k in range(PLACES)]
    kl = any(right([without_decoder(at)._replace(x=points[0].x) for at in points], kind) for kind in (RIGHT, SAMPLED))
    reconstruction = all(right(those, "reconstruction") for those in still)
    decoder = all(right([without_z(at) for at in those], "reconstruction") for those in still)
    match kl, reconstruction, decoder:
        case False, True, _:
            how = "the reconstruction in it is right, with mu, sigma and z: look at the KL, or log p(z) - log q(z|x)"
            return KL, how
        case True, False, True:
            return Z, "the KL in it is right, so is the decoder when z does not come in: look at z, where it comes in"
        case True, False, False:
            return "the reconstruction", "the KL in it is right: look at the reconstruction, the decoder or log p(x|z)"
        case False, False, True:
            return ENCODER, ("the decoder is right without z, what the KL and z are made of is not: look "
                                   "at mu and log sigma^2, and at what makes them")  # fmt: skip
    return "", ""


def prior_only(student: Student, windows: Windows, model: VAE, points: list[Point]) -> bool:
    """Whether the value moves as the bound does when only the data and the noise move."""
    moved = [at._replace(x=other.x, eps=other.eps) for at, other in zip(points, [*points[1:], points[0]])]
    here, there = Terms(model, points), Terms(model, moved)
    value = at_points(student, windows, here.points) - at_points(student, windows, there.points)
    reconstruction = here.reconstruction(RIGHT, RIGHT) - there.reconstruction(RIGHT, RIGHT)
    found = [combination([reconstruction, here.kl(kind) - there.kl(kind)], value) for kind in (RIGHT, SAMPLED)]
    return any(fitted is not None and fitted[1] < EXACT and fitted[0][0] for fitted in found)


def one_encoder(at: Point, still: Point) -> Point:
    """The decoder of one point, all else of another."""
    p = Params(at.p.shapes)
    p.theta.flat[:], p.phi.flat[:] = at.p.theta.flat, still.p.phi.flat
    return Point(p, still.x, still.eps)


def without_decoder(at: Point) -> Point:
    """Zeros in the decoder."""
    p = Params(at.p.shapes)
    p.phi.flat[:] = at.p.phi.flat
    return at._replace(p=p)


def without_z(at: Point) -> Point:
    """Zeros in the weights with which z comes into the decoder."""
    p = Params(at.p.shapes)
    p.flat[:] = at.p.flat
    p.theta.hidden.W[...] = 0
    return at._replace(p=p)
