# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # E4. The backward of an affine layer
#
# You will be able to write the backward that every network is made of.
#
# The layer is $y = x W + b$ for M rows, eq. (11) and (12). For an upstream gradient $dy$ its backward returns $dx$, and *adds*
# $dW$ and $db$ to what is there already. Work out the three from the sum $y_{mk} = \sum_i x_{mi} W_{ik} + b_k$.
#
# `p.W` and `p.b` are the parameters, `p.dW` and `p.db` their gradients. Before you write: which shape has each of the
# three, and what goes wrong if `p.dW` is overwritten when a layer is used twice?

# %%
import numpy as np

from aevb_np import Params
from aevb_np.exercises import check, hint

# %%
def affine(p, x):
    """y = x W + b, and its backward.   (M, I) (I, K) -> (M, K)"""
    y = x @ p.W + p.b

    def backward(dy):
        # dy is (M, K): add to p.dW, (I, K), and to p.db, (K,), and return dx, (M, I)
        ### BEGIN SOLUTION
        p.dW += x.T @ dy
        p.db += dy.sum(axis=0)
        return dy @ p.W.T  # dx
        ### END SOLUTION

    return y, backward

# %% [markdown]
# Check it as often as you like. With `explain=1` you are told the kind of the first fault, with `explain=2` its name;
# `hint("E4", 1)` to `hint("E4", 3)` help by degrees.

# %%
report = check("E4", affine)
report

# %%
# The points, one for every check that is passed: nbgrader runs the check here once more, with other numbers.
### BEGIN HIDDEN TESTS
from aevb_np.grading import points

points(check("E4", affine, seed=1))
### END HIDDEN TESTS

# %%
# hint("E4", 1)

# %% [markdown]
# See it at work: one number moved by hand, and what the gradient said. Until yours passes, `report.use` is the package's own.

# %%
rng = np.random.default_rng(0)
p, x, weight = Params({"W": (5, 3), "b": (3,)}), rng.standard_normal((7, 5)), rng.standard_normal((7, 3))
p.flat[:] = rng.standard_normal(p.flat.size)
y, backward = report.use(p, x)
backward(weight)
p.W[2, 1] += 1e-3
moved = ((report.use(p, x)[0] - y) * weight).sum() / 1e-3
print(f"moved by hand {moved:.6f}, by the backward {p.dW[2, 1]:.6f}")
assert abs(moved - p.dW[2, 1]) < 1e-8

# %% [markdown]
# Next: E5, the two functions that stand between and behind the layers.
