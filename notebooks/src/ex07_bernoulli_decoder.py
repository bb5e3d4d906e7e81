# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # E7. The decoder's backward
#
# You will be able to write the backward of a whole network in one piece.
#
# Eq. (11): $h = \tanh(W_1 z + b_1)$, logits $= W_2 h + b_2$. In the code a row is a datapoint, so $W$ stands on the right;
# $W_1, b_1$ are `p.hidden.W`, `p.hidden.b` and $W_2, b_2$ are `p.logits.W`, `p.logits.b`, each with a twin `dW`, `db` to *add* to.
#
# Before you write: put the forward lines in order and write one backward line for each, from the last to the first. Which
# lines need $h$?

# %%
import numpy as np

import aevb_np
from aevb_np.numerics import sigmoid, softplus
from aevb_np.exercises import check, hint

# %%
def bernoulli_decoder(p, x, z):
    """log p(x|z), one number per row, and its backward, which returns dz.   (M, D), (M, J) -> (M,)"""
    h = np.tanh(z @ p.hidden.W + p.hidden.b)  # (M, H)
    logits = h @ p.logits.W + p.logits.b  # (M, D)
    log_p = (x * logits - softplus(logits)).sum(axis=1)  # (M,)

    def backward(dlog_p):
        # dlog_p is (M,): add to dW and db of p.logits and p.hidden, and return dz, (M, J)
        ### BEGIN SOLUTION
        dlogits = dlog_p[:, None] * (x - sigmoid(logits))  # (M, D)
        da = (dlogits @ p.logits.W.T) * (1 - h**2)  # (M, H)
        p.logits.dW += h.T @ dlogits
        p.logits.db += dlogits.sum(axis=0)
        p.hidden.dW += z.T @ da
        p.hidden.db += da.sum(axis=0)
        return da @ p.hidden.W.T  # dz
        ### END SOLUTION

    return log_p, backward

# %% [markdown]
# Check it as often as you like. With `explain=1` you are told the kind of the first fault, with `explain=2` its name;
# `hint("E7", 1)` to `hint("E7", 3)` help by degrees.

# %%
report = check("E7", bernoulli_decoder)
report

# %%
# The points, one for every check that is passed: nbgrader runs the check here once more, with other numbers.
### BEGIN HIDDEN TESTS
from aevb_np.grading import points

points(check("E7", bernoulli_decoder, seed=1))
### END HIDDEN TESTS

# %%
# hint("E7", 1)

# %% [markdown]
# See it at work: fit z to one image by nothing but dz. Until yours passes, `report.use` is the package's own.

# %%
rng = np.random.default_rng(0)
model = aevb_np.VAE.bernoulli(D=11, H=8, J=5)
p, z = model.init(rng, np.float64).theta, np.zeros((1, 5))
p.flat[:] = rng.standard_normal(p.flat.size)
x = model.decoder.sample(p, rng.standard_normal((1, 5)), rng)
start = report.use(p, x, z)[0][0]
for _ in range(200):
    log_p, backward = report.use(p, x, z)
    z = z + 0.05 * backward(np.ones(1))
print(f"log p(x|z) went from {start:.3f} to {log_p[0]:.3f} nats")
assert log_p[0] > start

# %% [markdown]
# Next: E8, through z into the encoder.
