"""How fast could NumPy be? The same step in one function that nobody should have to read: every array made before.

It is the limit that the package's step is held against. Bernoulli decoder, one sample of z, Adagrad.
"""

import math

import numpy as np
from scipy.linalg.blas import saxpy, sgemm
from settings import STEP, Setting

from aevb_np.streams import stream
from aevb_np.training import Minibatches

VERSION = "NumPy's limit"
BLOCK = 32_768


def contestants(setting: Setting) -> dict:
    """The unreadable step, where it is written: for the Bernoulli decoder and L = 1."""
    return {"limit": epoch_of(setting)} if setting.decoder == "bernoulli" and setting.L == 1 else {}


def epoch_of(setting: Setting):
    M, N, dataset = setting.M, len(setting.dataset.x_train), setting.dataset
    p, batches, count = setting.start(), Minibatches(N, M, seed=0), iter(range(10**9))
    (U, b, Wm, bm, Ws, bs), (dU, db, dWm, dbm, dWs, dbs) = windows(p.phi, "mean", "log_var")
    (V, c, O, d), (dV, dc, dO, dd) = windows(p.theta, "logits")
    H, J, D = setting.H, setting.J, setting.D
    G = np.full_like(p.flat, setting.epsilon)
    x, l, s, y = (np.empty((M, D), np.float32) for _ in range(4))
    h, g, dh, dg, t = (np.empty((M, H), np.float32) for _ in range(5))
    mu, lv, sig, z, dmu, dlv, dz, e2 = (np.empty((M, J), np.float32) for _ in range(8))
    scratch = np.empty(BLOCK, np.float32)
    slope = np.float32(-1 / N)

    def add(C, A, B):
        sgemm(1, B.T, A.T, 1, C.T, trans_b=True, overwrite_c=True)

    def step(number):
        index = batches.at(number)
        np.divide(dataset.x_train[index], np.float32(dataset.divisor), out=x)
        eps = stream("noise", 0, number).standard_normal((M, J), dtype=np.float32)
        np.multiply(p.flat, slope, out=p.grad)
        np.matmul(x, U, out=h), np.add(h, b, out=h), np.tanh(h, out=h)
        np.matmul(h, Wm, out=mu), np.add(mu, bm, out=mu), np.matmul(h, Ws, out=lv), np.add(lv, bs, out=lv)
        np.multiply(lv, 0.5, out=sig), np.exp(sig, out=sig), np.multiply(sig, eps, out=e2), np.add(mu, e2, out=z)
        np.matmul(z, V, out=g), np.add(g, c, out=g), np.tanh(g, out=g)
        np.matmul(g, O, out=l), np.add(l, d, out=l)
        np.minimum(l, 40, out=s), np.exp(s, out=s), np.log1p(s, out=s), np.maximum(s, l, out=s)
        bound = np.einsum("mi,mi->m", x, l) - s.sum(axis=1)
        np.multiply(sig, sig, out=dz)
        bound -= 0.5 * (np.einsum("mj,mj->m", mu, mu) + (dz - 1 - lv).sum(axis=1))
        np.subtract(l, s, out=y), np.exp(y, out=y), np.subtract(x, y, out=y), np.multiply(y, 1 / M, out=y)
        add(dO, g, y), np.add(dd, y.sum(axis=0), out=dd), np.matmul(y, O.T, out=dg)
        np.multiply(g, g, out=t), np.subtract(1, t, out=t), np.multiply(dg, t, out=dg)
        np.add(dV, z.T @ dg, out=dV), np.add(dc, dg.sum(axis=0), out=dc)
        np.subtract(1, dz, out=dlv), np.multiply(dlv, 0.5 / M, out=dlv), np.matmul(dg, V.T, out=dz)
        np.multiply(mu, -1 / M, out=dmu), np.add(dmu, dz, out=dmu)
        np.multiply(e2, dz, out=e2), np.multiply(e2, 0.5, out=e2), np.add(dlv, e2, out=dlv)
        np.add(dWm, h.T @ dmu, out=dWm), np.add(dbm, dmu.sum(axis=0), out=dbm)
        np.add(dWs, h.T @ dlv, out=dWs), np.add(dbs, dlv.sum(axis=0), out=dbs)
        np.matmul(dmu, Wm.T, out=dh), np.matmul(dlv, Ws.T, out=t), np.add(dh, t, out=dh)
        np.multiply(h, h, out=t), np.subtract(1, t, out=t), np.multiply(dh, t, out=dh)
        add(dU, x, dh), np.add(db, dh.sum(axis=0), out=db)
        finite = math.isfinite(float(np.dot(p.grad, p.grad)) + float(bound.sum()))
        for start in range(0, p.flat.size, BLOCK):
            w, gr, k = p.flat[start : start + BLOCK], p.grad[start : start + BLOCK], G[start : start + BLOCK]
            r = scratch[: len(w)]
            np.multiply(gr, gr, out=r), np.add(k, r, out=k), np.sqrt(k, out=r), np.divide(gr, r, out=r)
            saxpy(r, w, a=STEP)
            finite &= math.isfinite(float(np.dot(w, w)))
        assert finite
        return bound

    return lambda: float(np.mean([step(next(count)).mean() for _ in range(setting.steps)]))


def windows(p, *heads):
    """W and b of the hidden layer and of these, and their gradients."""
    layers = [getattr(p, name) for name in ("hidden", *heads)]
    return [[getattr(layer, prefix + name) for layer in layers for name in ("W", "b")] for prefix in ("", "d")]
