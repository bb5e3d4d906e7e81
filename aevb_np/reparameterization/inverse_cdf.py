"""z = F^-1(eps) with eps uniform on (0, 1): the inverse of the distribution function samples. Section 2.4, first.

The two ends of (0, 1) are left out, where most of these are infinite: `noise.uniform` draws so. Scales and shapes are
positive. Where eps is near 1, log(1 - eps) is taken as `log1p(-eps)`, and -log(1 - eps) is written w: it is a draw of
the exponential with scale 1, from which half of the list is made.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aevb_np.reparameterization.location_scale import location_scale, student_t_log_prob
from aevb_np.reparameterization.ranges import density, ranged
from aevb_np.reparameterization.slopes import (
    from_slopes,
    located_density,
    log_density,
    scaled_density,
    standardised,
    times,
    within,
)


@ranged
def exponential(scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = scale w,  w = -log(1 - eps).

    Left out by the paper: the rate is 1 / scale; eps in place of 1 - eps does as well, with z falling in eps.
    """
    w = -np.log1p(-eps)
    return from_slopes(scale * w, (scale, w))


@density
def exponential_log_prob(z: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = -e - log scale,  e = z / scale."""
    outside, e = within(z / scale, 0, math.inf)
    return scaled_density(z, scale, e, -e, -1, outside=outside)


def cauchy(loc: NDArray, scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = loc + scale tan(pi (eps - 1/2)).

    Left out by the paper: z has no mean, so that E[f(z)] and its gradient exist only for f that grow slowly. Near its
    poles the tangent is taken as 1 / tan of the distance to the nearer end, which is known to full precision.
    """
    g = np.copysign(1 / np.tan(math.pi * np.minimum(eps, 1 - eps)), eps - 0.5)
    return location_scale(loc, scale, g)


def cauchy_log_prob(z: NDArray, loc: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = -log pi - log(1 + e^2) - log scale,  e = (z - loc) / scale: Student's t with one degree of freedom."""
    return student_t_log_prob(z, loc, scale, df=1)


def logistic(loc: NDArray, scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = loc + scale log(eps / (1 - eps)); its density is that of `location_scale`.

    Left out by the paper: nothing; g is the inverse of the sigmoid.
    """
    return location_scale(loc, scale, np.log(eps) - np.log1p(-eps))


@ranged
def rayleigh(scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = scale sqrt(2 w),  w = -log(1 - eps).

    Left out by the paper: the scale is not the standard deviation, but that of the two normals whose length z is.
    """
    g = np.sqrt(-2 * np.log1p(-eps))
    return from_slopes(scale * g, (scale, g))


@density
def rayleigh_log_prob(z: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = log e - e^2 / 2 - log scale,  e = z / scale."""
    outside, e = within(z / scale, 0, math.inf)
    return scaled_density(z, scale, e, np.log(e) - 0.5 * e**2, 1 / e - e, outside=outside)


@ranged
def pareto(shape: NDArray, scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = scale exp(w / shape),  w = -log(1 - eps).

    Left out by the paper: the mean is infinite for shape <= 1, the variance for shape <= 2, and then the gradient
    estimate of E[z] has no mean or no variance; far below that z itself overflows.
    """
    w = -np.log1p(-eps)
    g = 1 + np.expm1(w / shape)  # exp may round to less than 1
    return from_slopes(scale * g, (shape, -scale * g * w / shape**2), (scale, g))


@density
def pareto_log_prob(z: NDArray, shape: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = log shape - (shape + 1) log e - log scale,  e = z / scale >= 1.

    As for the uniform, the support moves with the scale, and the slope in it is that inside the support.
    """
    outside, e = within(z / scale, 1, math.inf)
    log_f = np.log(shape) - (shape + 1) * np.log(e)
    return scaled_density(z, scale, e, log_f, -(shape + 1) / e, (shape, 1 / shape - np.log(e)), outside=outside)


@ranged
def weibull(shape: NDArray, scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = scale w^(1 / shape),  w = -log(1 - eps).

    Left out by the paper: the shape gets a gradient too, since it enters by a power and not through the noise.
    """
    log_w = np.log(-np.log1p(-eps))
    g = np.exp(log_w / shape)
    return from_slopes(scale * g, (shape, -scale * g * log_w / shape**2), (scale, g))


@density
def weibull_log_prob(z: NDArray, shape: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = log shape + (shape - 1) log e - e^shape - log scale,  e = z / scale."""
    outside, e = within(z / scale, 0, math.inf)
    log_e = np.log(e)
    w = np.exp(shape * log_e)
    log_f = np.log(shape) + times(shape - 1, log_e) - w
    slope = times(shape - 1, 1 / e) - shape * np.exp(times(shape - 1, log_e))
    slopes = (z, slope / scale), (shape, 1 / shape + log_e * (1 - w)), (scale, -shape * (1 - w) / scale)
    return log_density(log_f - np.log(scale), *slopes, outside=outside)


@ranged
def reciprocal(a: NDArray, b: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = a (b / a)^eps, so that log z is uniform between log a and log b, and p is proportional to 1 / z.

    Left out by the paper: the ends, 0 < a < b, without which 1 / z is no density.
    """
    in_order(a, b)
    z = np.minimum(a * (1 + np.expm1(eps * np.log1p((b - a) / a))), b)  # rounding may carry it over b
    return from_slopes(z, (a, z * (1 - eps) / a), (b, z * eps / b))


@density
def reciprocal_log_prob(z: NDArray, a: NDArray, b: NDArray) -> tuple[NDArray, Callable]:
    """log p = -log z - log log(b / a),  a <= z <= b. As for the uniform, the slopes are those inside the support."""
    in_order(a, b)
    width = np.log1p((b - a) / a)
    outside, y = within(z, a, b)
    log_p = -np.log(y) - np.log(width)
    return log_density(log_p, (z, -1 / y), (a, 1 / (a * width)), (b, -1 / (b * width)), outside=outside)


def in_order(a: NDArray, b: NDArray) -> None:
    """Raise ValueError unless a < b."""
    if (np.real(a) >= np.real(b)).any():
        raise ValueError(f"a must lie below b; got a up to {np.max(np.real(a)):g} and b from {np.min(np.real(b)):g}")


@ranged
def gompertz(shape: NDArray, scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = scale log(1 + w / shape),  w = -log(1 - eps).

    Left out by the paper: the parameters. Here the hazard is shape / scale at z = 0 and grows as exp(z / scale).
    """
    w = -np.log1p(-eps)
    g = np.log1p(w / shape)
    return from_slopes(scale * g, (shape, -scale * w / (shape * (shape + w))), (scale, g))


@density
def gompertz_log_prob(z: NDArray, shape: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = log shape + e - shape (exp(e) - 1) - log scale,  e = z / scale."""
    outside, e = within(z / scale, 0, math.inf)
    growth = np.expm1(e)
    log_f = np.log(shape) + e - shape * growth
    slope = 1 - shape * (1 + growth)
    return scaled_density(z, scale, e, log_f, slope, (shape, 1 / shape - growth), outside=outside)


def gumbel(loc: NDArray, scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = loc - scale log(-log eps).

    Left out by the paper: of the two Gumbels this is the one of largest values, with its long tail to the right.
    """
    return location_scale(loc, scale, -np.log(-np.log(eps)))


@density
def gumbel_log_prob(z: NDArray, loc: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = -e - exp(-e) - log scale,  e = (z - loc) / scale."""
    outside, e = standardised(z, loc, scale)
    w = np.exp(-e)
    return located_density(z, loc, scale, e, -e - w, w - 1, outside)


@ranged
def erlang(shape: NDArray, scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = scale P^-1(shape, eps), with P the regularised incomplete gamma function and an integer shape.

    Left out by the paper: this inverse CDF is not elementary, and a derivative in an integer does not exist: `backward`
    returns None for the shape. `composition.gamma` takes any shape and differentiates in it; its density serves here.
    """
    from scipy.special import gammaincinv

    if (shape != np.round(shape)).any() and not np.isnan(shape).any():
        raise ValueError("the shape of an Erlang distribution is a whole number; use `composition.gamma` for any other")
    g = gammaincinv(shape, eps)
    return from_slopes(scale * g, (shape, None), (scale, g))
