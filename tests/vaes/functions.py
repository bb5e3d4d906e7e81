"""A VAE as a few functions: a loss with named parts, L samples, weight decay; both decoders, by whether W6 is there."""

import numpy as np

DECODER = "bernoulli"
EPS = "(L, M, J)"
DECAY = 0.1


def parameters(D, H, J):
    shapes = {"W1": (J, H), "b1": H, "W2": (H, D), "b2": D, "W3": (D, H), "b3": H, "W4": (H, J), "b4": J}
    shapes |= {"W5": (H, J), "b5": J} | ({"W6": (H, D), "b6": D} if DECODER == "gaussian" else {})
    return {name: np.zeros(shape) for name, shape in shapes.items()}


def forward(p, x, eps):
    a3 = x @ p["W3"] + p["b3"]
    h = np.tanh(a3)
    mu = h @ p["W4"] + p["b4"]
    lv = h @ p["W5"] + p["b5"]
    s = np.exp(lv / 2)
    z = mu + s * eps
    a1 = z @ p["W1"] + p["b1"]
    g = np.tanh(a1)
    a2 = g @ p["W2"] + p["b2"]
    y = 1 / (1 + np.exp(-a2))
    lx = g @ p["W6"] + p["b6"] if "W6" in p else None
    return a3, h, mu, lv, s, z, a1, g, a2, y, lx


def value(p, x, eps):
    a3, h, mu, lv, s, z, a1, g, a2, y, lx = forward(p, x, eps)
    M, L = len(x), len(eps)
    if lx is None:
        log_px = x * np.log(y) + (1 - x) * np.log(1 - y)
    else:
        log_px = -(np.log(2 * np.pi) + lx + (x - y) ** 2 / np.exp(lx)) / 2
    return {
        "reconstruction": -log_px.sum() / (M * L),
        "kl": -(1 + lv - mu**2 - np.exp(lv)).sum() / 2 / M,
        "decay": DECAY / 2 * sum((w**2).sum() for name, w in p.items() if name[0] == "W"),
    }


def gradients(p, x, eps):
    a3, h, mu, lv, s, z, a1, g, a2, y, lx = forward(p, x, eps)
    M, L = len(x), len(eps)
    rows = lambda a: a.reshape(-1, a.shape[-1])  # noqa: E731
    d = {}
    # the decoder
    if lx is None:
        da2 = (y - x) / (M * L)
    else:
        da2 = (y - x) / np.exp(lx) * y * (1 - y) / (M * L)
        dlx = (1 - (x - y) ** 2 / np.exp(lx)) / 2 / (M * L)
        d["W6"] = rows(g).T @ rows(dlx)
        d["b6"] = rows(dlx).sum(0)
    d["W2"] = rows(g).T @ rows(da2)
    d["b2"] = rows(da2).sum(0)
    dg = da2 @ p["W2"].T
    if lx is not None:
        dg = dg + dlx @ p["W6"].T
    da1 = dg * (1 - g**2)
    d["W1"] = rows(z).T @ rows(da1)
    d["b1"] = rows(da1).sum(0)
    dz = da1 @ p["W1"].T
    # z and the KL
    dmu = dz.sum(0) + mu / M
    dlv = (dz * eps).sum(0) * s / 2 + (np.exp(lv) - 1) / 2 / M
    # the encoder
    d["W4"] = h.T @ dmu
    d["b4"] = dmu.sum(0)
    d["W5"] = h.T @ dlv
    d["b5"] = dlv.sum(0)
    dh = dmu @ p["W4"].T + dlv @ p["W5"].T
    da3 = dh * (1 - h**2)
    d["W3"] = x.T @ da3
    d["b3"] = da3.sum(0)
    for name in d:
        if name[0] == "W":
            d[name] = d[name] + DECAY * p[name]
    return d
