# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # E5. The backwards of tanh and of the Bernoulli log-probability
#
# You will be able to take a gradient from pixels back to the hidden layer.
#
# Two slopes: that of $h = \tanh a$, which can be said in $h$ alone, and that of
# $\log p(x|z) = \sum_i x_i a_i - \mathrm{softplus}(a_i)$, eq. (11), in the logits $a$.
#
# An upstream gradient comes for every element of $h$, and for every *row* of $\log p$. Before you write: what is the sign of
# the second one where $x = 1$, and why?

# %%
import numpy as np

from aevb_np.numerics import sigmoid, softplus
from aevb_np.exercises import check, hint

# %%
def tanh(a):
    """h = tanh(a), and its backward.   (M, n) -> (M, n)"""
    h = np.tanh(a)

    def backward(dh):
        # dh is (M, n): return da, (M, n)
        ### BEGIN SOLUTION
        return dh * (1 - h**2)  # da
        ### END SOLUTION

    return h, backward


def bernoulli_log_prob(x, logits):
    """log p(x|z), one number per row, and its backward in the logits.   (M, D), (M, D) -> (M,)"""
    log_p = (x * logits - softplus(logits)).sum(axis=1)

    def backward(dlog_p):
        # dlog_p is (M,): return dlogits, (M, D); x is data, no gradient in it is wanted
        ### BEGIN SOLUTION
        return dlog_p[:, None] * (x - sigmoid(logits))  # dlogits
        ### END SOLUTION

    return log_p, backward

# %% [markdown]
# Check it as often as you like. With `explain=1` you are told the kind of the first fault, with `explain=2` its name;
# `hint("E5", 1)` to `hint("E5", 3)` help by degrees.

# %%
report = check("E5", tanh, bernoulli_log_prob)
report

# %%
# The points, one for every check that is passed: nbgrader runs the check here once more, with other numbers.
### BEGIN HIDDEN TESTS
from aevb_np.grading import points

points(check("E5", tanh, bernoulli_log_prob, seed=1))
### END HIDDEN TESTS

# %%
# hint("E5", 1)

# %% [markdown]
# See it at work: where the gradient of a pixel vanishes. Until yours passes, `report.use` is the package's own.

# %%
_, log_prob = report.use
for a in (-4.0, 0.0, 4.0):
    _, backward = log_prob(np.ones((1, 1)), np.full((1, 1), a))
    print(f"x = 1, logit {a:4.0f}: gradient {backward(np.ones(1))[0, 0]:.4f}")
assert abs(backward(np.ones(1))[0, 0] - 1 / (1 + np.exp(4))) < 1e-12

# %% [markdown]
# Next: E6, the gradient that pulls the encoder towards the prior.
