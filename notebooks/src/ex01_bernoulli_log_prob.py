# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # E1. The log-probability of pixels, without overflow
#
# You will be able to compute $\log p(x|z)$ of a Bernoulli decoder for any logits, however large.
#
# Eq. (11): with $y = 1 / (1 + e^{-a})$ for the logits $a$ of a row,
#
# $$\log p(x|z) = \sum_i x_i \log y_i + (1 - x_i) \log(1 - y_i).$$
#
# Before you write: what do NumPy's `exp` and `log` give for $a = 1000$ and $x = 1$, and what is the right answer?

# %%
import numpy as np

from aevb_np.exercises import check, hint

# %%
def bernoulli_log_prob(x, logits):
    """log p(x|z), one number per row.   (M, D), (M, D) -> (M,)"""
    ### BEGIN SOLUTION
    m = np.maximum(logits, 0)
    softplus = m + np.log1p(np.exp(logits - 2 * m))
    return (x * logits - softplus).sum(axis=1)
    ### END SOLUTION

# %% [markdown]
# Check it as often as you like. With `explain=1` you are told the kind of the first fault, with `explain=2` its name;
# `hint("E1", 1)` to `hint("E1", 3)` help by degrees.

# %%
report = check("E1", bernoulli_log_prob)
report

# %%
# The points, one for every check that is passed: nbgrader runs the check here once more, with other numbers.
### BEGIN HIDDEN TESTS
from aevb_np.grading import points

points(check("E1", bernoulli_log_prob, seed=1))
### END HIDDEN TESTS

# %%
# hint("E1", 1)

# %% [markdown]
# See it at work: a pixel with $x = 1$, from hopeless to certain logits. Until yours passes, `report.use` is the package's own.

# %%
log_prob = report.use
a = np.array([-1000.0, -10.0, 0.0, 10.0, 1000.0])
with np.errstate(all="ignore"):
    plain = np.log(1 / (1 + np.exp(-a)))
for logit, stable, naive in zip(a, log_prob(np.ones((5, 1)), a[:, None]), plain):
    print(f"a = {logit:7.0f}   log p = {stable:12.6g}   as the formula stands: {naive:12.6g}")
assert np.isfinite(log_prob(np.ones((5, 1)), a[:, None])).all()

# %% [markdown]
# Next: E2, the other term of the bound. The backward of this function comes in E5, that of E2 in E6.
