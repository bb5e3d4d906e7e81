"""Is the error of `quadrature` ever too small? 20,000 points of models whose log p(x) is known otherwise. By hand:

    python tests/certainty.py [points of each kind]

Linear-Gaussian models with sigma from 1 to 0.001 and posterior means to 20, in closed form; small Bernoulli and
Gaussian networks, by a fine grid; and decoders under which x has two, three and four hills, by Gauss-Legendre on pieces
around each of them. `test_marginal_likelihood.py` runs a part of it.
"""

import sys
from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import leggauss

from aevb_np.distributions import gaussian_log_prob, gaussian_log_prob_pairs
from aevb_np.marginal_likelihood import quadrature
from aevb_np.networks import BernoulliMLP, GaussianMLP
from aevb_np.params import Params


class Curve:
    """x ~ N(f(z), sigma^2 I) for any f that takes each number of z by itself, with its slope."""

    def __init__(self, J, f, slope, sigma):
        self.n_in = self.n_out = J
        self.shapes = {"nothing": (1,)}
        self.f, self.slope, self.log_var = f, slope, 2 * np.log(sigma)

    def log_prob(self, theta, x, z, value=True):
        mu = self.f(z)
        log_p, back = gaussian_log_prob(x, mu, np.full_like(mu, self.log_var))

        def backward(dlog_p, inputs=True, parameters=True):
            return back(dlog_p)[1] * self.slope(z)

        return log_p, backward

    def log_prob_pairs(self, theta, x, z):
        mu = self.f(z)
        return gaussian_log_prob_pairs(x, mu, np.full_like(mu, self.log_var))


class Linear:
    """x ~ N(z W, sigma^2 I)."""

    def __init__(self, W, sigma):
        self.W, self.sigma = W, sigma
        self.n_in, self.n_out = W.shape
        self.shapes = {"nothing": (1,)}

    def log_prob(self, theta, x, z, value=True):
        mu = z @ self.W
        log_p, back = gaussian_log_prob(x, mu, np.full_like(mu, 2 * np.log(self.sigma)))
        return log_p, lambda d, inputs=True, parameters=True: back(d)[1] @ self.W.T

    def log_prob_pairs(self, theta, x, z):
        mu = z @ self.W
        return gaussian_log_prob_pairs(x, mu, np.full_like(mu, 2 * np.log(self.sigma)))

    def exact(self, x):
        """log N(x; 0, W^T W + sigma^2 I), by the singular values of W: no matrix is inverted."""
        _, s, V = np.linalg.svd(self.W, full_matrices=True)
        variance = self.sigma**2 + np.pad(s**2, (0, self.n_out - len(s)))
        return -0.5 * ((x @ V.T) ** 2 / variance + np.log(2 * np.pi * variance)).sum(axis=1)


class Case(NamedTuple):
    """A kind of model, what `quadrature` says and what is true, for every point."""

    name: str
    log_px: np.ndarray
    error: np.ndarray
    exact: np.ndarray

    @property
    def ratio(self):
        """The distance from the truth in units of the error."""
        return np.abs(self.log_px - self.exact) / self.error


def linear(n, rng):
    """Points from the prior, with posterior means anywhere to 20, and on every part of a grid's step."""
    for J in (1, 2, 3):
        for sigma in (1.0, 0.3, 0.1, 0.03, 0.01, 0.001):
            W = rng.standard_normal((J, J + 1)) if J < 3 else 2 * np.linalg.qr(rng.standard_normal((4, 3)))[0].T
            model = Linear(W, sigma)
            m = n if J < 3 else max(2, n // 20)
            z = rng.standard_normal((m, J))
            z[::4] = rng.uniform(-20, 20, (len(z[::4]), J))
            z[1::4] = 0.0625 * (rng.integers(-40, 40, (len(z[1::4]), J)) + rng.integers(0, 8, (len(z[1::4]), 1)) / 8)
            x = z @ W + sigma * rng.standard_normal((m, J + 1))
            x[1::4] = z[1::4] @ W
            estimate = quadrature(model, Params(model.shapes), x)
            yield Case(f"linear J={J} sigma={sigma}", estimate.log_px, estimate.error, model.exact(x))


def networks(n, rng):
    """Small networks with weights of scale 1 and 3; the truth is the sum over a fine grid."""
    for J, kind, scale in ((1, "bernoulli", 1), (1, "bernoulli", 4), (2, "bernoulli", 1), (2, "bernoulli", 3),
                           (1, "gaussian", 1), (2, "gaussian", 1)):  # fmt: skip
        decoder = BernoulliMLP(J, 5, 7) if kind == "bernoulli" else GaussianMLP(J, 5, 7, False, -4.0)
        theta = Params(decoder.shapes)
        theta.flat[:] = scale * rng.standard_normal(theta.flat.size)
        if kind == "gaussian":
            theta.log_var.W[...] *= 0.3
        m = n if J == 1 else max(2, n // 10)
        x = decoder.sample(theta, rng.standard_normal((m, J)), rng)
        estimate = quadrature(decoder, theta, x)
        axis = np.linspace(-9, 9, {1: 120_001, 2: 2401}[J]) + 0.000123
        exact = np.full(m, -np.inf)
        for z in np.array_split(np.stack(np.meshgrid(*[axis] * J), axis=-1).reshape(-1, J), {1: 24, 2: 600}[J]):
            log_p = decoder.log_prob_pairs(theta, x, z) - 0.5 * (z**2 + np.log(2 * np.pi)).sum(axis=1)
            top = log_p.max(axis=1)
            exact = np.logaddexp(exact, top + np.log(np.exp(log_p - top[:, None]).sum(axis=1)))
        yield Case(
            f"{kind} J={J} scale={scale}", estimate.log_px, estimate.error, exact + J * np.log(axis[1] - axis[0])
        )


def on_pieces(model, x, roots):
    """log p(x) of one number for a `Curve`, by Gauss-Legendre between and around the roots of f(z) = x."""
    nodes, weights = leggauss(60)
    sigma = np.exp(0.5 * model.log_var)
    near = sigma / np.maximum(np.abs(model.slope(roots)), np.sqrt(sigma))
    edges = np.concatenate([r + w * np.linspace(-60, 60, 61) for r, w in zip(roots, near)] + [np.linspace(-9, 9, 181)])
    edges = np.unique(np.clip(edges, -9, 9))
    half = 0.5 * np.diff(edges)[:, None]
    z = ((edges[:-1, None] + half) + half * nodes).ravel()[:, None]
    log_p = model.log_prob_pairs(None, np.array([[x]]), z)[0] - 0.5 * (z[:, 0] ** 2 + np.log(2 * np.pi))
    return log_p.max() + np.log(((half * weights).ravel() * np.exp(log_p - log_p.max())).sum())


def several(n, rng):
    """x = z^2, with hills at both roots, in one and two dimensions (two and four hills); x = z^3 - 3 z, three hills."""
    curves = {
        "squares": (lambda z: z**2, lambda z: 2 * z, (1, 0, 0)),
        "cubes": (lambda z: z**3 - 3 * z, lambda z: 3 * z**2 - 3, (1, 0, -3, 0)),
    }
    for name, (f, slope, coefficients) in curves.items():
        for J in (1, 2):
            for sigma in (0.3, 0.05, 0.005):
                model, line = Curve(J, f, slope, sigma), Curve(1, f, slope, sigma)
                m = max(2, n // 10)
                x = f(rng.standard_normal((m, J))) + sigma * rng.standard_normal((m, J))
                estimate = quadrature(model, Params(model.shapes), x)
                exact = np.zeros(m)
                for i, j in np.ndindex(*x.shape):
                    roots = np.roots([*coefficients[:-1], coefficients[-1] - x[i, j]])
                    exact[i] += on_pieces(line, x[i, j], np.append(roots.real, 0.0))
                yield Case(f"{name} J={J} sigma={sigma}", estimate.log_px, estimate.error, exact)


def cases(n, seed):
    """All of them, n points of each of the quick kinds and fewer of the others."""
    rng = np.random.default_rng(seed)
    for kind in (linear, networks, several):
        yield from kind(n, rng)


if __name__ == "__main__":
    total = wrong = 0
    for case in cases(int(sys.argv[1]) if len(sys.argv) > 1 else 1200, seed=0):
        finite = np.isfinite(case.error)
        off = np.abs(case.log_px - case.exact)[finite].max(initial=0)
        total, wrong = total + len(finite), wrong + int((case.ratio > 3).sum())
        print(
            f"{case.name:28} {len(finite):6,} points; error: median {np.median(case.error):.1e}, largest "
            f"{case.error[finite].max(initial=0):.1e}, infinite {(~finite).sum()}; off by at most "
            f"{off:.1e}, {case.ratio[finite].max(initial=0):.2f} errors",
            flush=True,
        )
    print(f"{wrong} of {total:,} points are off by more than three times their error")
