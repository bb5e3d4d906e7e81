# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # E8. Through z into the encoder
#
# You will be able to write the gradient that the paper is about.
#
# Eq. (10) with L = 1: the bound is $\log p(x|z) - KL$ with $z = \mu + \sigma \odot \varepsilon$, so $\mu$ and $\log\sigma^2$ reach it by
# two paths each, through $z$ and through the KL, and $h$ reaches it through both heads. Gradients that meet are added.
#
# The decoder's backward is given: `back_decode(dlog_px)` adds to the gradients of theta and returns dz. Before you write:
# draw the graph, and count the paths from `phi.hidden.W` to the bound.

# %%
import numpy as np

import aevb_np
from aevb_np.exercises import check, hint

# %%
def sgvb_b(model, theta, phi, x, eps):
    """The bound by estimator B, one number per row, and its backward.   (M, D), (M, J) -> (M,)"""
    h = np.tanh(x @ phi.hidden.W + phi.hidden.b)  # (M, H)
    mu = h @ phi.mean.W + phi.mean.b  # (M, J)
    log_var = h @ phi.log_var.W + phi.log_var.b  # (M, J)
    sigma = np.exp(0.5 * log_var)
    z = mu + sigma * eps
    log_px, back_decode = model.decoder.log_prob(theta, x, z)
    kl = 0.5 * (mu**2 + sigma**2 - 1 - log_var).sum(axis=1)
    bound = log_px - kl  # (M,)

    def backward(dbound):
        # dbound is (M,): add to dW and db of phi.mean, phi.log_var and phi.hidden; nothing need be returned
        ### BEGIN SOLUTION
        d = dbound[:, None]
        dz = back_decode(dbound)
        dmu = dz - d * mu
        dlog_var = 0.5 * sigma * eps * dz - 0.5 * d * (sigma**2 - 1)
        da = (dmu @ phi.mean.W.T + dlog_var @ phi.log_var.W.T) * (1 - h**2)
        phi.mean.dW += h.T @ dmu
        phi.mean.db += dmu.sum(axis=0)
        phi.log_var.dW += h.T @ dlog_var
        phi.log_var.db += dlog_var.sum(axis=0)
        phi.hidden.dW += x.T @ da
        phi.hidden.db += da.sum(axis=0)
        ### END SOLUTION

    return bound, backward

# %% [markdown]
# Check it as often as you like. With `explain=1` you are told the kind of the first fault, with `explain=2` its name;
# `hint("E8", 1)` to `hint("E8", 3)` help by degrees.

# %%
report = check("E8", sgvb_b)
report

# %%
# The points, one for every check that is passed: nbgrader runs the check here once more, with other numbers.
### BEGIN HIDDEN TESTS
from aevb_np.grading import points

points(check("E8", sgvb_b, seed=1))
### END HIDDEN TESTS

# %%
# hint("E8", 1)

# %% [markdown]
# See it at work: a model trained by your gradient. Until yours passes, `report.use` is the package's own.

# %%
from aevb_np import data, training

digits = data.digits(2_000)
model = aevb_np.VAE.bernoulli(D=784, H=50, J=2)
p = model.init(aevb_np.stream("init", 0))
learner = aevb_np.AEVB(model, p, aevb_np.Adagrad(step=0.1, warmup=20), len(digits.x_train), estimator=report.use)
steps = training.loop(learner, digits, training.Minibatches(len(digits.x_train), 100, seed=0))
bounds = [next(steps).mean() for _ in range(200)]
print(f"bound of the minibatches: {bounds[0]:.1f} at first, {np.mean(bounds[-20:]):.1f} nats per image at last")
assert np.mean(bounds[-20:]) > bounds[0] + 200

# %% [markdown]
# Next: E9, real-valued pixels.
