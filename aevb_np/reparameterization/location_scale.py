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
from aevb_np.numerics import softplus
from aevb_np.reparameterization.slopes import from_slopes, like, located_density, within

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


def location_scale(loc: NDArray, scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = loc + scale * eps, for any noise: z has the family of eps."""
    return from_slopes(loc + scale * eps, (loc, 1), (scale, eps))


laplace = logistic = student_t = uniform = triangular = location_scale


def laplace_log_prob(z: NDArray, loc: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = -|e| - log 2 - log scale,  e = (z - loc) / scale.

    Left out by the paper: eps need not come from a library, for the inverse CDF is elementary here too.
    """
    e = (z - loc) / scale
    sign = np.sign(e.real)  # |e| = sign e, where abs() would lose the imaginary part of a complex step
    return located_density(z, loc, scale, e, -sign * e - LOG_2, -sign)


def logistic_log_prob(z: NDArray, loc: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = -softplus(e) - softplus(-e) - log scale,  e = (z - loc) / scale.

    Left out by the paper, which lists it twice: as location + scale * noise and as an inverse CDF it is one sampler.
    """
    e = (z - loc) / scale
    return located_density(z, loc, scale, e, -softplus(e) - softplus(-e), -np.tanh(0.5 * e))


def student_t_log_prob(z: NDArray, loc: NDArray, scale: NDArray, df: float) -> tuple[NDArray, Callable]:
    """log p = -(df + 1) / 2 log(1 + e^2 / df) - log scale + constant,  e = (z - loc) / scale.

    Left out by the paper: df gets no gradient this way. As a normal over the root of a `chi_squared` it would.
    """
    e = (z - loc) / scale
    constant = math.lgamma(0.5 * (df + 1)) - math.lgamma(0.5 * df) - 0.5 * math.log(math.pi * df)
    log_f = constant - 0.5 * (df + 1) * np.log1p(e**2 / df)
    return located_density(z, loc, scale, e, log_f, -(df + 1) * e / (df + e**2))


def uniform_log_prob(z: NDArray, loc: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = -log scale between loc and loc + scale.

    Left out by the paper: the support moves with the parameters, so that the gradient of log p, which exists inside
    only, misses the ends: pathwise gradients are right here, score-function gradients are not.
    """
    e = (z - loc) / scale
    inside, e = within(e, 0, 1, closed=True)
    return located_density(z, loc, scale, e, 0 * e, 0 * e, inside)


def triangular_log_prob(z: NDArray, loc: NDArray, scale: NDArray, mode: float) -> tuple[NDArray, Callable]:
    """log p = log 2 + log(e / mode) - log scale up to the peak at e = mode, log((1 - e) / (1 - mode)) after it.

    e = (z - loc) / scale is between 0 and 1, and so is the mode. Left out by the paper: the mode is neither location
    nor scale and gets no gradient (the inverse CDF would give one).
    """
    e = (z - loc) / scale
    inside, e = within(e, 0, 1)
    rising = e.real < mode
    distance = np.where(rising, e, 1 - e)  # to the nearer end, as far as the peak is concerned
    log_f = LOG_2 + np.log(distance) - np.log(np.where(rising, mode, 1 - mode).astype(distance.real.dtype))
    return located_density(z, loc, scale, e, log_f, np.where(rising, 1 / distance, -1 / distance), inside)


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


def elliptical_log_prob(z: NDArray, mu: NDArray, A: NDArray, df: float) -> tuple[NDArray, Callable]:
    """log p = log f(|e|^2) - log |A|,  e = A^-1 (z - mu), for the multivariate Student with df degrees of freedom.

    df = inf is N(mu, A A^T).
    """
    J = z.shape[-1]
    T = np.tril(A)
    diagonal = np.diagonal(T, axis1=-2, axis2=-1)
    e = np.linalg.solve(T, (z - mu)[..., None])[..., 0]
    square = (e**2).sum(axis=-1, keepdims=True)
    if df == math.inf:
        log_f = -0.5 * (square + J * LOG_2PI)
        slope = -e
    else:
        constant = math.lgamma(0.5 * (df + J)) - math.lgamma(0.5 * df) - 0.5 * J * math.log(math.pi * df)
        log_f = constant - 0.5 * (df + J) * np.log1p(square / df)
        slope = -(df + J) * e / (df + square)
    log_p = log_f[..., 0] - np.log(diagonal).sum(axis=-1)  # (M,)

    def backward(dlog_p):
        d = dlog_p[:, None]
        dz = d * np.linalg.solve(np.swapaxes(T, -1, -2), slope[..., None])[..., 0]
        dA = -dz[..., :, None] * e[..., None, :] - (d / diagonal)[..., None] * np.eye(J, dtype=z.dtype)
        return dz, like(-dz, mu), like(np.tril(dA), A)

    return log_p, backward
