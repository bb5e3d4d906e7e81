# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # E10. One step of Adagrad
#
# You will be able to write the optimiser that made the paper's curves.
#
# Adagrad (section 5) remembers $G \leftarrow G + g^2$ for every parameter and moves it by $\eta\, g / \sqrt{G}$, upwards, because
# the bound is ascended. During the first `warmup` gradients G grows but nothing moves.
#
# `move` changes `flat` and `G` in place; `self.step` is $\eta$, `self.t` counts gradients, this one included. Before you
# write: how far does the very first move go, for a large gradient and for a small one?

# %%
import numpy as np

import aevb_np
from aevb_np.exercises import check, hint

# %%
class Adagrad(aevb_np.Adagrad):
    """G += g^2,  w += step g / sqrt(G), after the warm-up."""

    def move(self, flat, grad, G):
        """Move one block of the parameters, and G, in place.   (P,) each"""
        ### BEGIN SOLUTION
        G += grad**2
        if self.t > self.warmup:
            flat += self.step * grad / np.sqrt(G)
        ### END SOLUTION

# %% [markdown]
# Check it as often as you like. With `explain=1` you are told the kind of the first fault, with `explain=2` its name;
# `hint("E10", 1)` to `hint("E10", 3)` help by degrees.

# %%
report = check("E10", Adagrad)
report

# %%
# The points, one for every check that is passed: nbgrader runs the check here once more, with other numbers.
### BEGIN HIDDEN TESTS
from aevb_np.grading import points

points(check("E10", Adagrad, seed=1))
### END HIDDEN TESTS

# %%
# hint("E10", 1)

# %% [markdown]
# See it at work: uphill on -w^2, from 1. Until yours passes, `report.use` is the package's own.

# %%
w, adagrad = np.ones(1), report.use(step=0.5)
for t in range(1, 31):
    adagrad.ascend(w, -2 * w)
    if t in (1, 2, 5, 10, 30):
        print(f"after {t:2d} steps w = {w[0]:.5f}")
assert abs(w[0]) < 0.05

# %% [markdown]
# This was the last of the ten. Walkthrough 6 compares optimisers; 7 shows what this one does in a night.
