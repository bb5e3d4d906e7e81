"""A VAE whose encoder gives log sigma, not log sigma^2; the mean over the rows of a bound, clipped against log 0."""

import numpy as np


def parameters(D, H, J):
    sizes = {"h": (D, H), "mu": (H, J), "log_sigma": (H, J), "g": (J, H), "x": (H, D)}
    return {kind + name: np.zeros(n if kind == "W_" else n[1]) for name, n in sizes.items() for kind in ("W_", "b_")}


def forward(p, x, eps):
    h = np.tanh(x.dot(p["W_h"]) + p["b_h"])
    mu = h.dot(p["W_mu"]) + p["b_mu"]
    log_sigma = h.dot(p["W_log_sigma"]) + p["b_log_sigma"]
    sigma = np.exp(log_sigma)
    z = mu + sigma * eps
    g = np.tanh(z.dot(p["W_g"]) + p["b_g"])
    y = 1 / (1 + np.exp(-g.dot(p["W_x"]) - p["b_x"]))
    return h, mu, log_sigma, sigma, z, g, y


def value(p, x, eps):
    h, mu, log_sigma, sigma, z, g, y = forward(p, x, eps)
    tiny = 1e-9
    log_px = np.sum(x * np.log(y + tiny) + (1 - x) * np.log(1 - y + tiny), axis=1)
    kl = 0.5 * np.sum(mu**2 + sigma**2 - 1 - 2 * log_sigma, axis=1)
    return np.mean(log_px - kl)


def gradients(p, x, eps):
    h, mu, log_sigma, sigma, z, g, y = forward(p, x, eps)
    d_x = (x - y) / len(x)
    d_g = d_x.dot(p["W_x"].T) * (1 - g**2)
    d_z = d_g.dot(p["W_g"].T)
    d_mu = d_z - mu / len(x)
    d_log_sigma = d_z * eps * sigma - (sigma**2 - 1) / len(x)
    d_h = (d_mu.dot(p["W_mu"].T) + d_log_sigma.dot(p["W_log_sigma"].T)) * (1 - h**2)
    deltas = {"x": (g, d_x), "g": (z, d_g), "mu": (h, d_mu), "log_sigma": (h, d_log_sigma), "h": (x, d_h)}
    out = {}
    for name, (u, d) in deltas.items():
        out["W_" + name], out["b_" + name] = u.T.dot(d), d.sum(axis=0)
    return out
