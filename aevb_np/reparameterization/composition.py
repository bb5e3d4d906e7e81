"""z as a function of several auxiliary variables, each of which we can reparameterize. Section 2.4, third.

What the paper leaves out: a sum of exponentials is a Gamma of integer shape only. `gamma` takes any shape, by the
inverse CDF and its exact derivative in the shape, and all below it are made of `log_gamma`. It works with logarithms
because a Gamma of shape 0.01 is often smaller than the smallest float, while its logarithm is an ordinary number.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import LOG_2PI
from aevb_np.numerics import softplus
from aevb_np.reparameterization.location_scale import gaussian
from aevb_np.reparameterization.ranges import density, ranged
from aevb_np.reparameterization.slopes import from_slopes, like, log_density, scaled_density, times, within
from aevb_np.reparameterization.stirling import power, remainder

# An integral over all s > 0 is a sum over these (s, weight): the trapezoidal rule in t, where s = exp(t - exp(-t)).
NODES = [(s := math.exp(t - math.exp(-t)), 0.1 * s * (1 + math.exp(-t))) for t in np.arange(-3.5, 4.5, 0.1).tolist()]


def log_normal(mu: NDArray, log_var: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = exp(y) with y ~ N(mu, sigma^2) from `gaussian`.

    Left out by the paper: mu and sigma belong to log z; the mean of z is exp(mu + sigma^2 / 2).
    """
    y, back_gaussian = gaussian(mu, log_var, eps)
    z = np.exp(y)

    def backward(dz):
        return back_gaussian(dz * z)  # dmu, dlog_var

    return z, backward


@density
def log_normal_log_prob(z: NDArray, mu: NDArray, log_var: NDArray) -> tuple[NDArray, Callable]:
    """log p(z) = log N(log z; mu, sigma^2) - log z."""
    outside, e = within(z, 0, math.inf)
    y, per_sigma = np.log(e), np.exp(-0.5 * log_var)
    u = times(y - mu, per_sigma)  # (log z - mu) / sigma
    log_p = np.where(e == 0, -math.inf, -0.5 * (log_var + u**2 + LOG_2PI) - y)
    slope = times(-u, per_sigma)
    return log_density(log_p, (z, (slope - 1) / e), (mu, -slope), (log_var, 0.5 * (u**2 - 1)), outside=outside)


@ranged
def sum_of_exponentials(scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = -scale sum_i log(1 - eps_i), a Gamma whose shape is the number k of uniforms eps_i.   (k, M, J) -> (M, J)

    The paper's recipe as it stands. Left out by the paper: the shape is an integer then, and gets no gradient.
    """
    g = -np.log1p(-eps).sum(axis=0)
    return from_slopes(scale * g, (scale, g))


@ranged
def log_gamma(shape: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """log z with z ~ Gamma(shape, 1) by the inverse CDF, eps uniform, differentiable in the shape.

    F(z; a) = eps stays as it is when a moves, so dz/da = -(dF/da) / p; and dF/da is the integral of p times the score,
    log t - psi(a), over t < z, or minus the same over t > z. With t = z exp(v) there remains of the integrand

        dF/da / p = z int exp(a v - z (exp(v) - 1)) (log z + v - psi(a)) dv,

    which falls on the side away from the mode and is summed there, good to twelve digits. On the left, F(z; a) is taken
    apart as F(z; a + 1) + z^a exp(-z) / Gamma(a + 1) first, so that nothing cancels however small a is.
    """
    from scipy.special import gammaincinv, gammaln, psi

    log_z = (np.log(eps) + gammaln(shape + 1)) / shape  # where F = z^shape / Gamma(shape + 1), to rounding
    tiny = log_z < -40
    log_z = np.where(tiny, log_z, np.log(np.where(tiny, 1, gammaincinv(shape, eps))))

    def backward(dlog_z):
        z = np.exp(log_z)
        left = z < shape + 1
        a = np.where(left, shape + 1, shape)
        score = log_z - psi(a)
        width = 1 / (np.sqrt(a + z) + np.abs(a - z))
        width = np.where(left, -width, width)
        integral = 0
        with np.errstate(over="ignore"):  # exp(-inf) = 0 is the right number
            for s, weight in NODES:
                v = width * s
                integral = integral + weight * np.exp(a * v - z * np.expm1(v)) * (score + v)
        integral = integral * width
        slope = np.where(left, (z * integral - score) / shape, integral)
        return like(dlog_z * slope, shape)  # dshape

    return log_z, backward


@ranged
def gamma(shape: NDArray, scale: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = scale exp(log_gamma), for any shape.

    Left out by the paper: any shape that is no integer; one uniform is enough where its recipe takes `shape` of them.
    """
    log_g, back_log_gamma = log_gamma(shape, eps)
    z = scale * np.exp(log_g)

    def backward(dz):
        return back_log_gamma(dz * z), like(dz * z / scale, scale)  # dshape, dscale

    return z, backward


@density
def gamma_log_prob(z: NDArray, shape: NDArray, scale: NDArray) -> tuple[NDArray, Callable]:
    """log p = (shape - 1) log e - e - log Gamma(shape) - log scale,  e = z / scale."""
    from scipy.special import psi

    outside, e = within(z / scale, 0, math.inf)
    a, log_e, d = shape, np.log(e), e - shape
    log_f = power(a, log_e, d / a, np.log(a)) - d + 0.5 * (np.log(a) - LOG_2PI) - remainder(a)
    slope = times(a - 1, 1 / e) - 1
    return scaled_density(z, scale, e, log_f, slope, (a, log_e - psi(a)), outside=outside, turn=a - 1 - e)


@density
def sum_of_exponentials_log_prob(z: NDArray, scale: NDArray, k: int) -> tuple[NDArray, Callable]:
    """`gamma_log_prob` for the shape k."""
    log_p, back_gamma = gamma_log_prob(z, np.asarray(float(k)), scale)

    def backward(dlog_p):
        dz, _, dscale = back_gamma(dlog_p)
        return dz, dscale

    return log_p, backward


@ranged
def dirichlet(alpha: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z_j = g_j / sum_k g_k with g_j ~ Gamma(alpha_j), a softmax of their logarithms.   twice (M, J) -> (M, J)

    Left out by the paper, which says "weighted sum of Gammas": they are divided by their sum.
    """
    log_g, back_log_gamma = log_gamma(alpha, eps)
    g = np.exp(log_g - log_g.max(axis=-1, keepdims=True))
    z = g / g.sum(axis=-1, keepdims=True)

    def backward(dz):
        return back_log_gamma(z * (dz - (z * dz).sum(axis=-1, keepdims=True)))  # dalpha

    return z, backward


@density
def dirichlet_log_prob(z: NDArray, alpha: NDArray) -> tuple[NDArray, Callable]:
    """log p = sum_j ( (alpha_j - 1) log z_j - log Gamma(alpha_j) ) + log Gamma(sum_j alpha_j), for rows of sum 1.

    The slope in z is that of the formula; what of it leads off the simplex means nothing.
    """
    from scipy.special import psi

    outside, e = within(z, 0, 1)
    log_z = np.log(e)
    total = alpha.sum(axis=-1, keepdims=True)
    log_f = power(alpha, log_z, (e * total - alpha) / alpha, np.log(alpha / total))
    log_f = (log_f + 0.5 * (np.log(alpha) - LOG_2PI) - remainder(alpha)).sum(axis=-1)
    log_p = log_f + (0.5 * (LOG_2PI - np.log(total)) + remainder(total))[..., 0]
    zero = (outside.any(axis=-1) & ~np.isnan(log_p)) | (log_p.real == -math.inf)
    log_p = np.where(zero, -math.inf, log_p)

    def backward(dlog_p):
        off, d = outside | zero[:, None] & (e == 0), dlog_p[:, None]
        dz, dalpha = d * times(alpha - 1, 1 / e), d * (log_z - psi(alpha) + psi(total))
        return np.where(off, 0, dz), like(np.where(off, 0, dalpha), alpha)

    return log_p, backward


@ranged
def beta(a: NDArray, b: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = x / (x + y) with x ~ Gamma(a), y ~ Gamma(b): the sigmoid of log x - log y.   eps: (2, M, J)

    Left out by the paper: which Gammas. Written with softplus, z keeps its digits near 0 (near 1 no float has them).
    """
    log_x, back_x = log_gamma(a, eps[0])
    log_y, back_y = log_gamma(b, eps[1])
    z = np.exp(-softplus(log_y - log_x))
    slope = z * np.exp(-softplus(log_x - log_y))  # z (1 - z)

    def backward(dz):
        return back_x(dz * slope), back_y(-dz * slope)  # da, db

    return z, backward


@density
def beta_log_prob(z: NDArray, a: NDArray, b: NDArray) -> tuple[NDArray, Callable]:
    """log p = (a - 1) log z + (b - 1) log(1 - z) - log B(a, b)."""
    from scipy.special import psi

    outside, e = within(z, 0, 1)
    n, log_z, log_rest = a + b, np.log(e), np.log1p(-e)
    d = e * n - a  # in one piece, so that its rounding cancels from the two powers
    log_p = power(a, log_z, d / a, np.log(a / n)) + power(b, log_rest, -d / b, np.log(b / n)) + log_beta_rest(a, b)
    dz = times(a - 1, 1 / e) - times(b - 1, 1 / (1 - e))
    slopes = (z, dz), (a, log_z + psi(n) - psi(a)), (b, log_rest + psi(n) - psi(b))
    return log_density(log_p, *slopes, outside=outside)


def log_beta_rest(a: NDArray, b: NDArray) -> NDArray:
    """-log B(a, b) - a log(a / n) - b log(b / n),  n = a + b: what is left of it without its main terms."""
    n = a + b
    return 0.5 * (np.log(a) + np.log(b / n) - LOG_2PI) + remainder(n) - remainder(a) - remainder(b)


@ranged
def chi_squared(df: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z ~ Gamma(df / 2) with scale 2.

    Left out by the paper: as a sum of df squared normals it would have integer df; this takes any df > 0.
    """
    log_g, back_log_gamma = log_gamma(0.5 * df, eps)
    z = 2 * np.exp(log_g)

    def backward(dz):
        return 0.5 * back_log_gamma(dz * z)  # ddf

    return z, backward


@density
def chi_squared_log_prob(z: NDArray, df: NDArray) -> tuple[NDArray, Callable]:
    """`gamma_log_prob` for the shape df / 2 and the scale 2."""
    log_p, back_gamma = gamma_log_prob(z, 0.5 * df, np.asarray(2.0))

    def backward(dlog_p):
        dz, dshape, _ = back_gamma(dlog_p)
        return dz, 0.5 * dshape  # dz, ddf

    return log_p, backward


@ranged
def f(dfn: NDArray, dfd: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = (x / dfn) / (y / dfd) with x and y chi-squared of dfn and dfd degrees of freedom.   eps: (2, M, J)

    Left out by the paper: each chi-squared is divided by its degrees of freedom, which so enter twice. With dfd far
    below 1 z overflows.
    """
    log_x, back_x = log_gamma(0.5 * dfn, eps[0])
    log_y, back_y = log_gamma(0.5 * dfd, eps[1])
    z = np.exp(log_x - log_y) * (dfd / dfn)

    def backward(dz):
        d = dz * z
        return 0.5 * back_x(d) - like(d / dfn, dfn), -0.5 * back_y(d) + like(d / dfd, dfd)  # ddfn, ddfd

    return z, backward


@density
def f_log_prob(z: NDArray, dfn: NDArray, dfd: NDArray) -> tuple[NDArray, Callable]:
    """log p = log Beta(y; dfn / 2, dfd / 2) + log dy/dz,  y = dfn z / (dfn z + dfd), in terms of log r = logit y.

    With r = dfn z / dfd that is a log r - (a + b) log(1 + r) - log z - log B(a, b), where a = dfn / 2, b = dfd / 2.
    """
    from scipy.special import psi

    outside, e = within(z, 0, math.inf)
    a, b = 0.5 * dfn, 0.5 * dfd
    n, log_z, log_ratio = a + b, np.log(e), np.log(dfn) - np.log(dfd)
    log_r = log_z + log_ratio
    log_1r = softplus(log_r)  # y = r / (1 + r), 1 - y = 1 / (1 + r)
    d = np.where(log_r.real < 500, a * (e - 1) / (1 + np.exp(log_r)), b)  # n y - a
    log_p = power(a, log_z, d / a, log_1r + np.log(b / n)) + power(b, -log_1r, -d / b, np.log(b / n)) - log_1r
    log_p = log_p + log_beta_rest(a, b)
    slope = a - n * np.exp(log_r - log_1r)  # in log r
    dz = times(a - 1, 1 / e) - n * np.exp(log_ratio - log_1r)
    dfn_slope = 0.5 * (log_r - log_1r + psi(n) - psi(a)) + slope / dfn
    dfd_slope = 0.5 * (-log_1r + psi(n) - psi(b)) - slope / dfd
    return log_density(log_p, (z, dz), (dfn, dfn_slope), (dfd, dfd_slope), outside=outside)
