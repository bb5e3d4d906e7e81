"""A VAE for real numbers, its arrays declared by name; no sigmoid for the decoder's mean; L samples in rows."""

import numpy as np

DECODER = "gaussian"
EPS = "(L*M, J)"
NO_LOG_2PI = True
NAMES = {
    "A": "phi.hidden.W.T", "a": "phi.hidden.b", "B": "phi.mean.W", "b": "phi.mean.b", "C": "phi.log_var.W",
    "c": "phi.log_var.b", "K": "theta.hidden.W", "k": "theta.hidden.b", "R": "theta.mean.W", "r": "theta.mean.b",
    "S": "theta.log_sigma.W", "s": "theta.log_sigma.b",
}  # fmt: skip


def passed(p, x, eps):
    L = len(eps) // len(x)
    h = np.tanh(x @ p["A"].T + p["a"])
    mu, log_var = h @ p["B"] + p["b"], h @ p["C"] + p["c"]
    z = np.tile(mu, (L, 1)) + np.tile(np.exp(log_var / 2), (L, 1)) * eps
    g = np.tanh(z @ p["K"] + p["k"])
    m, log_s = g @ p["R"] + p["r"], g @ p["S"] + p["s"]
    return L, h, mu, log_var, z, g, m, log_s, (np.tile(x, (L, 1)) - m) / np.exp(log_s)


def value(p, x, eps):
    L, h, mu, log_var, z, g, m, log_s, e = passed(p, x, eps)
    return -(log_s + e**2 / 2).sum() / L - (mu**2 + np.exp(log_var) - 1 - log_var).sum() / 2


def gradients(p, x, eps):
    L, h, mu, log_var, z, g, m, log_s, e = passed(p, x, eps)
    dm, ds = e / np.exp(log_s) / L, (e**2 - 1) / L
    dg = (dm @ p["R"].T + ds @ p["S"].T) * (1 - g**2)
    dz = dg @ p["K"].T
    fold = lambda d: d.reshape(L, len(x), -1).sum(0)  # noqa: E731
    dmu = fold(dz) - mu
    dlog_var = fold(dz * eps) * np.exp(log_var / 2) / 2 + (1 - np.exp(log_var)) / 2
    dh = (dmu @ p["B"].T + dlog_var @ p["C"].T) * (1 - h**2)
    deltas = {"R": (g, dm), "S": (g, ds), "K": (z, dg), "B": (h, dmu), "C": (h, dlog_var)}
    grads = {name: u.T @ d for name, (u, d) in deltas.items()} | {n.lower(): d.sum(0) for n, (_, d) in deltas.items()}
    return grads | {"A": dh.T @ x, "a": dh.sum(0)}
