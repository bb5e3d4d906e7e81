# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # E9. The Gaussian decoder's backward
#
# You will be able to let a decoder say how sure it is of each pixel.
#
# Eq. (12), as for Frey Face: $h = \tanh(W_3 z + b_3)$, $\mu = \mathrm{sigmoid}(W_4 h + b_4)$, $\log \sigma^2 = W_5 h + b_5$ and
#
# $$\log p(x|z) = -\tfrac12 \sum_i \left( \log 2\pi + \log\sigma_i^2 + (x_i - \mu_i)^2 / \sigma_i^2 \right).$$
#
# $W_3, W_4, W_5$ are `p.hidden.W`, `p.mean.W`, `p.log_var.W`. Before you write: what is the gradient in $\log\sigma^2$ of a pixel
# whose error is exactly $\sigma$?

# %%
import numpy as np

from aevb_np.distributions import LOG_2PI
from aevb_np.networks import GaussianMLP
from aevb_np.numerics import sigmoid
from aevb_np.params import Params
from aevb_np.exercises import check, hint

# %%
def gaussian_decoder(p, x, z):
    """log p(x|z), one number per row, and its backward, which returns dz.   (M, D), (M, J) -> (M,)"""
    h = np.tanh(z @ p.hidden.W + p.hidden.b)  # (M, H)
    mu = sigmoid(h @ p.mean.W + p.mean.b)  # (M, D)
    log_var = h @ p.log_var.W + p.log_var.b  # (M, D)
    square = (x - mu) ** 2 * np.exp(-log_var)
    log_p = -0.5 * (log_var + square + LOG_2PI).sum(axis=1)  # (M,)

    def backward(dlog_p):
        # dlog_p is (M,): add to dW and db of p.mean, p.log_var and p.hidden, and return dz, (M, J)
        ### BEGIN SOLUTION
        d = dlog_p[:, None]
        dmean = d * (x - mu) * np.exp(-log_var) * mu * (1 - mu)  # before the sigmoid
        dlog_var = 0.5 * d * (square - 1)
        da = (dmean @ p.mean.W.T + dlog_var @ p.log_var.W.T) * (1 - h**2)
        p.mean.dW += h.T @ dmean
        p.mean.db += dmean.sum(axis=0)
        p.log_var.dW += h.T @ dlog_var
        p.log_var.db += dlog_var.sum(axis=0)
        p.hidden.dW += z.T @ da
        p.hidden.db += da.sum(axis=0)
        return da @ p.hidden.W.T  # dz
        ### END SOLUTION

    return log_p, backward

# %% [markdown]
# Check it as often as you like. With `explain=1` you are told the kind of the first fault, with `explain=2` its name;
# `hint("E9", 1)` to `hint("E9", 3)` help by degrees.

# %%
report = check("E9", gaussian_decoder)
report

# %%
# The points, one for every check that is passed: nbgrader runs the check here once more, with other numbers.
### BEGIN HIDDEN TESTS
from aevb_np.grading import points

points(check("E9", gaussian_decoder, seed=1))
### END HIDDEN TESTS

# %%
# hint("E9", 1)

# %% [markdown]
# See it at work: fitted to ten rows, the likelihood has no upper limit. Until yours passes, `report.use` is the package's own.

# %%
rng = np.random.default_rng(0)
p, x, z = Params(GaussianMLP(5, 8, 11).shapes), rng.random((10, 11)), rng.standard_normal((10, 5))
p.flat[:] = 0.1 * rng.standard_normal(p.flat.size)
for step in range(2001):
    p.grad[:] = 0
    log_p, backward = report.use(p, x, z)
    backward(np.full(10, 0.1))
    p.flat[:] += 0.01 * p.grad
    if step % 1000 == 0:
        print(f"step {step:5d}: log p(x|z) {log_p.mean():7.2f} nats per row")
assert log_p.mean() > 0

# %% [markdown]
# A density can be above 1, so its logarithm has no ceiling: section 5's Frey Face numbers are large for that reason.
# Next: E10, what is done with a gradient.
