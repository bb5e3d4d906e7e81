"""A VAE as a class that keeps its forward pass; the bound, summed over the rows, to go up."""

import numpy as np


class VAE:
    def __init__(self, D, H, J):
        rng = np.random.default_rng(0)
        new = lambda *shape: 0.01 * rng.standard_normal(shape)  # noqa: E731
        self.params = {
            "enc_w": new(D, H), "enc_b": new(1, H), "mu_w": new(H, J), "mu_b": new(1, J), "logvar_w": new(H, J),
            "logvar_b": new(1, J), "dec_w": new(J, H), "dec_b": new(1, H), "out_w": new(H, D), "out_b": new(1, D),
        }  # fmt: skip

    def forward(self, x, eps):
        p = self.params
        self.x, self.eps = x, eps
        self.h = np.tanh(x @ p["enc_w"] + p["enc_b"])
        self.mu = self.h @ p["mu_w"] + p["mu_b"]
        self.logvar = self.h @ p["logvar_w"] + p["logvar_b"]
        self.std = np.sqrt(np.exp(self.logvar))
        self.z = self.mu + self.std * eps
        self.g = np.tanh(self.z @ p["dec_w"] + p["dec_b"])
        self.a = self.g @ p["out_w"] + p["out_b"]
        log_px = np.sum(x * self.a - np.maximum(self.a, 0) - np.log1p(np.exp(-np.abs(self.a))))
        kl = -0.5 * np.sum(1 + self.logvar - self.mu**2 - np.exp(self.logvar))
        return log_px - kl

    def backward(self):
        p, grad = self.params, {}
        dout = self.x - 1 / (1 + np.exp(-self.a))
        grad["out_w"], grad["out_b"] = self.g.T @ dout, dout.sum(axis=0, keepdims=True)
        ddec = dout @ p["out_w"].T / np.cosh(np.arctanh(self.g)) ** 2
        grad["dec_w"], grad["dec_b"] = self.z.T @ ddec, ddec.sum(axis=0, keepdims=True)
        dz = ddec @ p["dec_w"].T
        dmu = dz - self.mu
        dlogvar = 0.5 * dz * self.std * self.eps + 0.5 * (1 - np.exp(self.logvar))
        grad["mu_w"], grad["mu_b"] = self.h.T @ dmu, dmu.sum(axis=0, keepdims=True)
        grad["logvar_w"], grad["logvar_b"] = self.h.T @ dlogvar, dlogvar.sum(axis=0, keepdims=True)
        denc = (dmu @ p["mu_w"].T + dlogvar @ p["logvar_w"].T) * (1 - self.h) * (1 + self.h)
        grad["enc_w"], grad["enc_b"] = self.x.T @ denc, denc.sum(axis=0, keepdims=True)
        return grad


def parameters(D, H, J):
    return VAE(D, H, J).params


def value(p, x, eps):
    vae = VAE(1, 1, 1)
    vae.params = p
    return vae.forward(x, eps)


def gradients(p, x, eps):
    vae = VAE(1, 1, 1)
    vae.params = p
    vae.forward(x, eps)
    return vae.backward()
