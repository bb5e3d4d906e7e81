"""Models of which everything is known: what the estimators estimate can be written down."""

import math

import numpy as np
from scipy.special import roots_hermitenorm
from scipy.stats import multivariate_normal

from aevb_np.distributions import gaussian_log_prob, gaussian_log_prob_pairs, sample_gaussian
from aevb_np.model import VAE
from aevb_np.params import Params


class LinearGaussian:
    """The decoder x ~ N(z W + b, variance I): log p(x) and p(z|x) are Gaussian too."""

    likelihood = "gaussian"

    def __init__(self, J, D, variance):
        self.n_in, self.n_out, self.log_var = J, D, math.log(variance)
        self.shapes = {"W": (J, D), "b": (D,)}

    def log_prob(self, p, x, z, value=True):
        mu = z @ p.W + p.b
        log_p, back_log_prob = gaussian_log_prob(x, mu, np.full_like(mu, self.log_var))

        def backward(dlog_p, inputs=True, parameters=True):
            _, dmu, _ = back_log_prob(dlog_p)
            if parameters:
                p.dW += z.T @ dmu
                p.db += dmu.sum(axis=0)
            return dmu @ p.W.T if inputs else None

        return log_p, backward

    def log_prob_pairs(self, p, x, z):
        mu = z @ p.W + p.b
        return gaussian_log_prob_pairs(x, mu, np.full_like(mu, self.log_var))

    def sample(self, p, z, rng):
        mu = z @ p.W + p.b
        return sample_gaussian(mu, np.full_like(mu, self.log_var), rng)

    def log_marginal(self, p, x):
        """log p(x) = log N(x; b, W^T W + variance I)."""
        covariance = p.W.T @ p.W + math.exp(self.log_var) * np.eye(self.n_out)
        return np.atleast_1d(multivariate_normal(p.b, covariance).logpdf(x))

    def posterior(self, p, x):
        """Mean (M, J) and covariance (J, J) of p(z|x)."""
        covariance = np.linalg.inv(np.eye(self.n_in) + p.W @ p.W.T / math.exp(self.log_var))
        return (x - p.b) @ p.W.T @ covariance / math.exp(self.log_var), covariance


class Table:
    """An encoder that has a mean and a log-variance of its own for every row, and so a gradient of its own, too."""

    def __init__(self, M, D, J):
        self.n_in, self.n_out = D, J
        self.shapes = {"mu": (M, J), "log_var": (M, J)}

    def forward(self, p, x):
        def backward(dmu, dlog_var, inputs=True):
            p.dmu += dmu
            p.dlog_var += dlog_var

        return (p.mu, p.log_var), backward


def one_dimensional(M, x, mu, log_var):
    """M copies of z ~ N(0, 1), x|z ~ N(z, 1/4) with the guess N(mu, exp(log_var)): a model, p and rows of x."""
    model = VAE(LinearGaussian(1, 1, 0.25), Table(M, 1, 1))
    p = Params(model.shapes)
    p.theta.W[...] = 1
    p.phi.mu[...], p.phi.log_var[...] = mu, log_var
    return model, p, np.full((M, 1), float(x))


def expectation(f, mu, log_var, points=80):
    """E f(z) for z ~ N(mu, exp(log_var)), by Gauss-Hermite quadrature."""
    nodes, weights = roots_hermitenorm(points)
    return (weights * f(mu + math.exp(log_var / 2) * nodes)).sum() / math.sqrt(2 * math.pi)
