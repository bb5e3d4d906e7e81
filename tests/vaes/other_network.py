"""Not the paper's network: two hidden layers of softplus units in the encoder, one array holds mu and log sigma^2."""

import numpy as np

NETWORK = "other"


def parameters(D, H, J):
    return {"W1": np.zeros((D, H)), "W2": np.zeros((H, 2 * J)), "V": np.zeros((J, D)), "v": np.zeros(D)}


def forward(p, x, eps):
    a = x @ p["W1"]
    h = np.log1p(np.exp(a))
    mu, log_var = np.split(h @ p["W2"], 2, axis=1)
    sigma = np.exp(log_var / 2)
    z = mu + sigma * eps
    return a, h, mu, log_var, sigma, z, z @ p["V"] + p["v"]


def value(p, x, eps):
    a, h, mu, log_var, sigma, z, logits = forward(p, x, eps)
    return (x * logits - np.log1p(np.exp(logits))).sum() - (mu**2 + sigma**2 - 1 - log_var).sum() / 2


def gradients(p, x, eps):
    a, h, mu, log_var, sigma, z, logits = forward(p, x, eps)
    d = x - 1 / (1 + np.exp(-logits))
    dz = d @ p["V"].T
    dout = np.concatenate([dz - mu, dz * eps * sigma / 2 + (1 - sigma**2) / 2], axis=1)
    da = dout @ p["W2"].T / (1 + np.exp(-a))
    return {"V": z.T @ d, "v": d.sum(0), "W2": h.T @ dout, "W1": x.T @ da}
