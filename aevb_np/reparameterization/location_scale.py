"""z = location + scale * eps: noise from the standard member of a family, shifted and stretched. Section 2.4, second.

One g serves every member, and only the noise differs. What the paper leaves out: the recipe reaches location and
scale and nothing else, so that degrees of freedom and modes are settings of the noise and get no gradient. Scales are
positive; a network that gives any number gives its logarithm, as `gaussian` takes it.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import LOG_2PI
from aevb_np.numerics import sigmoid, softplus
from aevb_np.reparameterization.ranges import density, ranged
from aevb_np.reparameterization.slopes import (
    from_slopes,
    like,
    located_density,
    log_density,
    standardised,
    times,
    within,
)
from aevb_np.reparameterization.stirling import remainder

LOG_2 = math.log(2)


def gaussian(mu: NDArray, log_var: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = mu + sigma * eps with eps ~ N(0, I), so z ~ N(mu, sigma^2 I).   three times (M, J) -> (M, J)

    The location-scale family of section 2.4; section 3, below eq. (9).
    """
    noise = np.exp(0.5 * log_var) * eps  # sigma * eps
    z = mu + noise

    def backward(dz):
        return like(dz, mu), like(0.5 * noise * dz, log_var)  # dmu, dlog_var

    return z, backward


@ranged
def location_scale(loc: NDArray, scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = loc + scale * eps, for any noise: z has the family of eps."""
    return from_slopes(loc + scale * eps, (loc, 1), (scale, eps))


laplace = logistic = student_t = uniform = location_scale


@density
def gaussian_log_prob(z: NDArray, mu: NDArray, log_var: NDArray) -> tuple[NDArray, Callable]:
    """log N(z; mu, sigma^2 I) as `distributions.gaussian_log_prob` has it, for parameters of any shape that broadcasts.

    log p = -1/2 (log 2 pi + log sigma^2 + e^2),  e = (z - mu) / sigma.
    """
    per_sigma = np.exp(-0.5 * log_var)
    outside = np.isinf(z.real)
    e = times(np.where(outside, mu, z) - mu, per_sigma)
    log_p = -0.5 * (log_var + e**2 + LOG_2PI)
    slope = times(-e, per_sigma)
    return log_density(log_p, (z, slope), (mu, -slope), (log_var, 0.5 * (e**2 - 1)), outside=outside)


@density
def laplace_log_prob(z: NDArray, loc: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = -|e| - log 2 - log scale,  e = (z - loc) / scale.

    Left out by the paper: eps need not come from a library, for the inverse CDF is elementary here too.
    """
    outside, e = standardised(z, loc, scale)
    sign = np.sign(e.real)  # |e| = sign e, where abs() would lose the imaginary part of a complex step
    return located_density(z, loc, scale, e, -sign * e - LOG_2, -sign, outside)


@density
def logistic_log_prob(z: NDArray, loc: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = -softplus(e) - softplus(-e) - log scale,  e = (z - loc) / scale.

    Left out by the paper, which lists it twice: as location + scale * noise and as an inverse CDF it is one sampler.
    """
    outside, e = standardised(z, loc, scale)
    return located_density(z, loc, scale, e, -softplus(e) - softplus(-e), -np.tanh(0.5 * e), outside)


@density
def student_t_log_prob(z: NDArray, loc: NDArray, scale: NDArray, df: float) -> tuple[NDArray, Callable]:
    """log p = -(df + 1) / 2 log(1 + e^2 / df) - log scale + constant,  e = (z - loc) / scale.

    Left out by the paper: df gets no gradient this way. As a normal over the root of a `chi_squared` it would.
    """
    outside = np.isinf(z.real)
    d = np.where(outside, loc, z) - loc
    log_square = 2 * (np.log(np.where(d.real < 0, -d, d)) - np.log(scale))  # of e; e^2 overflows for e above 1e154
    log_f, turn = student(log_square, df, J=1)
    slope = times(turn, 1 / d)
    slopes = (z, slope), (loc, -slope), (scale, -(1 + turn) / scale)
    return log_density(log_f - np.log(scale), *slopes, outside=outside)


def student(log_square: NDArray, df: float, J: int) -> tuple[NDArray, NDArray]:
    """log f(|e|^2) of Student's t in J dimensions, from log |e|^2, and its slope in log |e|.

        log f = -(df + J) / 2 log(1 + |e|^2 / df) + log( Gamma((df + J) / 2) / (Gamma(df / 2) (pi df)^(J/2)) )

    df = inf is the normal. For large df the constant is the difference of huge numbers; see `stirling`.
    """
    if df == math.inf:
        square = np.exp(log_square)
        return -0.5 * (square + J * LOG_2PI), -square
    x, c = 0.5 * df, 0.5 * J
    constant = (x + c - 0.5) * math.log1p(c / x) - c + remainder(x + c) - remainder(x) - c * LOG_2PI
    log_r = log_square - math.log(df)
    return constant - (x + c) * softplus(log_r), -(df + J) * sigmoid(log_r)


@ranged
def uniform_log_prob(z: NDArray, loc: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = -log scale between loc and loc + scale.

    Left out by the paper: the support moves with the parameters, so that the gradient of log p, which exists inside
    only, misses the ends: pathwise gradients are right here, score-function gradients are not.
    """
    outside, _ = within(z, loc, loc + scale)  # loc + scale as the sampler rounds it, so that its draws are let in
    log_p = -np.log(scale) + 0 * (z - loc)
    return log_density(log_p, (z, 0 * z), (loc, 0 * z), (scale, -1 / scale + 0 * z), outside=outside)


@ranged
def triangular(loc: NDArray, scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """`location_scale`; what rounding carries to an end, where the density is 0, moves to the next number inside."""
    z, backward = location_scale(loc, scale, eps)
    high = loc + scale
    if np.isrealobj(z) and ((z <= loc) | (z >= high)).any():
        z = np.where(z <= loc, np.nextafter(loc, high, dtype=z.dtype), z)
        z = np.where(z >= high, np.nextafter(high, loc, dtype=z.dtype), z)
    return z, backward


@density
def triangular_log_prob(z: NDArray, loc: NDArray, scale: NDArray, mode: float) -> tuple[NDArray, Callable]:
    """log p = log 2 + log(e / mode) - log scale up to the peak at e = mode, log((1 - e) / (1 - mode)) after it.

    e = (z - loc) / scale is between 0 and 1, and so is the mode. Left out by the paper: the mode is neither location
    nor scale and gets no gradient (the inverse CDF would give one).
    """
    outside, e = within((z - loc) / scale, 0, 1)
    rising = (e.real < mode) | (mode == 1)
    distance = np.where(rising, e, 1 - e)  # to the nearer end, as far as the peak is concerned
    log_f = LOG_2 + np.log(distance) - np.log(np.where(rising, mode, 1 - mode))
    return located_density(z, loc, scale, e, log_f, np.where(rising, 1 / distance, -1 / distance), outside)


@ranged
def elliptical(mu: NDArray, A: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = mu + A eps, row by row, with A lower-triangular and eps spherical: contours of equal density are ellipses.

    What stands above the diagonal of A is not looked at, and that on it is positive.
    Left out by the paper: here the scale is a matrix. The law of eps' radius chooses the member: normal, Student.
    (M, J), (J, J) or (M, J, J), (M, J) -> (M, J)
    """
    z = mu + np.einsum("...jk,...k->...j", np.tril(A), eps)

    def backward(dz):
        return like(dz, mu), like(np.tril(dz[..., :, None] * eps[..., None, :]), A)  # dmu, dA

    return z, backward


@density
def elliptical_log_prob(z: NDArray, mu: NDArray, A: NDArray, df: float) -> tuple[NDArray, Callable]:
    """log p = log f(|e|^2) - log |A|,  e = A^-1 (z - mu), for the multivariate Student with df degrees of freedom.

    df = inf is N(mu, A A^T).
    """
    J = z.shape[-1]
    T = np.tril(A)
    diagonal = np.diagonal(T, axis1=-2, axis2=-1)
    outside = np.isinf(z.real).any(axis=-1)  # (M,)
    e = np.linalg.solve(T, (np.where(outside[:, None], mu, z) - mu)[..., None])[..., 0]
    largest = np.abs(e.real).max(axis=-1, keepdims=True)
    largest = np.where(largest == 0, 1, largest)  # so that no square overflows
    u = e / largest
    square = (u**2).sum(axis=-1, keepdims=True)  # |e|^2 / largest^2
    log_f, turn = student(np.log(square) + 2 * np.log(largest), df, J)
    slope = times(turn, u / (largest * square))
    log_p = np.where(outside, -math.inf, log_f[..., 0] - np.log(diagonal).sum(axis=-1))  # (M,)

    def backward(dlog_p):
        d = np.where(outside, 0, dlog_p)[:, None]
        dz = d * np.linalg.solve(np.swapaxes(T, -1, -2), slope[..., None])[..., 0]
        dA = -dz[..., :, None] * e[..., None, :] - (d / diagonal)[..., None] * np.eye(J, dtype=z.dtype)
        return dz, like(-dz, mu), like(np.tril(dA), A)

    return log_p, backward
