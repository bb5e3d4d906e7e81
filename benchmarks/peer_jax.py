"""The same step in JAX, compiled: called once for every step, and as one call for an epoch."""

import jax
import jax.numpy as jnp
import numpy as np
from settings import STEP, Setting

VERSION = f"JAX {jax.__version__}"


def contestants(setting: Setting) -> dict:
    update = make_update(setting)
    return {"jax jit": by_step(setting, update), "jax scan": by_epoch(setting, update)}


def bound(w, x, eps):
    """Estimator B of every datapoint.   x (M, D), eps (L, M, J)"""
    h = jnp.tanh(x @ w["phi.hidden.W"] + w["phi.hidden.b"])
    mu, log_var = h @ w["phi.mean.W"] + w["phi.mean.b"], h @ w["phi.log_var.W"] + w["phi.log_var.b"]
    z = mu + jnp.exp(0.5 * log_var) * eps
    g = jnp.tanh(z @ w["theta.hidden.W"] + w["theta.hidden.b"])
    if "theta.logits.W" in w:
        logits = g @ w["theta.logits.W"] + w["theta.logits.b"]
        log_px = (x * logits - jax.nn.softplus(logits)).sum(-1)
    else:
        mean = jax.nn.sigmoid(g @ w["theta.mean.W"] + w["theta.mean.b"])
        s = g @ w["theta.log_var.W"] + w["theta.log_var.b"]
        log_px = -0.5 * (np.log(2 * np.pi) + s + (x - mean) ** 2 * jnp.exp(-s)).sum(-1)
    return log_px.mean(0) + 0.5 * (1 + log_var - mu**2 - jnp.exp(log_var)).sum(-1)


def make_update(setting: Setting):
    """One step of Adagrad with the prior: (w, G), minibatch, key -> (w, G), mean bound."""
    dataset = setting.dataset
    pixels, N = jnp.asarray(dataset.x_train), len(dataset.x_train)

    def update(state, index, key):
        w, G = state
        x = pixels[index].astype(jnp.float32) / dataset.divisor
        eps = jax.random.normal(key, (setting.L, setting.M, setting.J), jnp.float32)
        value, g = jax.value_and_grad(lambda w: bound(w, x, eps).mean())(w)
        g = jax.tree.map(lambda g, w: g - w / N, g, w)
        G = jax.tree.map(lambda G, g: G + g * g, G, g)
        w = jax.tree.map(lambda w, g, G: w + STEP * g / jnp.sqrt(G), w, g, G)
        return (w, G), value

    return update


def start(setting: Setting):
    w = {name: jnp.asarray(W) for name, W, _ in setting.start().arrays()}
    return w, jax.tree.map(lambda W: jnp.full_like(W, setting.epsilon), w)


def minibatches(setting: Setting, rng):
    """The order of an epoch, and a key for each step.   unsafe_rbg is JAX's quickest source of noise."""
    order = rng.permutation(len(setting.dataset.x_train)).reshape(-1, setting.M)
    return order, jax.random.split(jax.random.key(int(rng.integers(2**31)), impl="unsafe_rbg"), len(order))


def by_step(setting: Setting, update):
    step, state, rng = jax.jit(update, donate_argnums=0), start(setting), np.random.default_rng(0)

    def epoch():
        nonlocal state
        values = []
        for index, key in zip(*minibatches(setting, rng), strict=True):
            state, value = step(state, index, key)
            values.append(float(value))
        return sum(values) / setting.steps

    return epoch


def by_epoch(setting: Setting, update):
    run = jax.jit(lambda state, order, keys: jax.lax.scan(lambda s, i: update(s, *i), state, (order, keys)))
    run, state, rng = jax.jit(run, donate_argnums=0), start(setting), np.random.default_rng(0)

    def epoch():
        nonlocal state
        state, values = run(state, *minibatches(setting, rng))
        return float(values.mean())

    return epoch
