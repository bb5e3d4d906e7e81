"""A VAE with one wrong line, which trains all the same; `aevb check` finds it."""

import numpy as np


def parameters(D, H, J):
    shapes = {"We": (D, H), "be": H, "Wm": (H, J), "bm": J, "Ws": (H, J), "bs": J}
    shapes |= {"Wd": (J, H), "bd": H, "Wx": (H, D), "bx": D}
    return {name: np.zeros(shape) for name, shape in shapes.items()}


def forward(p, x, eps):
    h = np.tanh(x @ p["We"] + p["be"])
    mu, log_var = h @ p["Wm"] + p["bm"], h @ p["Ws"] + p["bs"]
    z = mu + np.exp(log_var / 2) * eps
    g = np.tanh(z @ p["Wd"] + p["bd"])
    y = 1 / (1 + np.exp(-(g @ p["Wx"] + p["bx"])))
    return h, mu, log_var, z, g, y


def value(p, x, eps):
    """Minus the bound: the cross-entropy and the KL, a mean over the images."""
    h, mu, log_var, z, g, y = forward(p, x, eps)
    cross_entropy = -np.sum(x * np.log(y) + (1 - x) * np.log(1 - y))
    kl = 0.5 * np.sum(mu**2 + np.exp(log_var) - log_var - 1)
    return (cross_entropy + kl) / len(x)


def gradients(p, x, eps):
    h, mu, log_var, z, g, y = forward(p, x, eps)
    d_logits = (y - x) / len(x)
    dg = d_logits @ p["Wx"].T * (1 - g**2)
    dz = dg @ p["Wd"].T
    d_mu = dz + mu / len(x)
    d_log_var = dz * eps / 2 + (np.exp(log_var) - 1) / 2 / len(x)
    dh = (d_mu @ p["Wm"].T + d_log_var @ p["Ws"].T) * (1 - h**2)
    layers = {"x": (g, d_logits), "d": (z, dg), "m": (h, d_mu), "s": (h, d_log_var), "e": (x, dh)}
    d = {"W" + name: u.T @ delta for name, (u, delta) in layers.items()}
    return d | {"b" + name: delta.sum(axis=0) for name, (u, delta) in layers.items()}
