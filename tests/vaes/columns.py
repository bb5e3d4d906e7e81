"""A VAE whose datapoints are columns, written with W x + b as in most textbooks; sums, a loss."""

import numpy as np

COLUMNS = True


def parameters(D, H, J):
    return {
        "We": np.zeros((H, D)), "be": np.zeros((H, 1)), "Wm": np.zeros((J, H)), "bm": np.zeros((J, 1)),
        "Ws": np.zeros((J, H)), "bs": np.zeros((J, 1)), "Wd": np.zeros((H, J)), "bd": np.zeros((H, 1)),
        "Wy": np.zeros((D, H)), "by": np.zeros((D, 1)),
    }  # fmt: skip


def run(p, x, eps):
    h = np.tanh(p["We"] @ x + p["be"])
    m = p["Wm"] @ h + p["bm"]
    s = p["Ws"] @ h + p["bs"]
    z = m + np.exp(s / 2) * eps
    g = np.tanh(p["Wd"] @ z + p["bd"])
    y = 1 / (1 + np.exp(-(p["Wy"] @ g + p["by"])))
    return h, m, s, z, g, y


def value(p, x, eps):
    h, m, s, z, g, y = run(p, x, eps)
    return -np.sum(np.where(x > 0, x * np.log(y), 0) + (1 - x) * np.log(1 - y)) + np.sum(m**2 + np.exp(s) - s - 1) / 2


def gradients(p, x, eps):
    h, m, s, z, g, y = run(p, x, eps)
    one = np.ones((x.shape[1], 1))
    dy = y - x
    dg = (p["Wy"].T @ dy) * (1 - g**2)
    dz = p["Wd"].T @ dg
    dm = dz + m
    ds = dz * eps * np.exp(s / 2) / 2 + (np.exp(s) - 1) / 2
    dh = (p["Wm"].T @ dm + p["Ws"].T @ ds) * (1 - h**2)
    pairs = {"Wy": (dy, g), "Wd": (dg, z), "Wm": (dm, h), "Ws": (ds, h), "We": (dh, x)}
    weights = {name: d @ u.T for name, (d, u) in pairs.items()}
    return weights | {"b" + name[1]: d @ one for name, (d, u) in pairs.items()}
