# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # E3. A sample with a gradient
#
# You will be able to draw z ~ q(z|x) so that a gradient passes through it.
#
# Section 2.4: $z = \mu + \sigma \odot \varepsilon$ with $\varepsilon \sim N(0, I)$. The noise is an argument, so for a given
# `eps` this is an ordinary function of `mu` and `log_var`.
#
# Before you write: what is $z$ for $\varepsilon = 1$, and by how much does it move if $\log \sigma^2$ grows by $2 \log 2$?

# %%
import numpy as np

from aevb_np.exercises import check, hint

# %%
def gaussian(mu, log_var, eps):
    """z = mu + sigma * eps.   (M, J) each -> (M, J)"""
    ### BEGIN SOLUTION
    return mu + np.exp(0.5 * log_var) * eps
    ### END SOLUTION

# %% [markdown]
# Check it as often as you like. With `explain=1` you are told the kind of the first fault, with `explain=2` its name;
# `hint("E3", 1)` to `hint("E3", 3)` help by degrees.

# %%
report = check("E3", gaussian)
report

# %%
# The points, one for every check that is passed: nbgrader runs the check here once more, with other numbers.
### BEGIN HIDDEN TESTS
from aevb_np.grading import points

points(check("E3", gaussian, seed=1))
### END HIDDEN TESTS

# %%
# hint("E3", 1)

# %% [markdown]
# See it at work: the draws have the standard deviation that `log_var` says. Until yours passes, `report.use` is the package's own.

# %%
n = 100_000
eps = np.random.default_rng(0).standard_normal((n, 1))
z = report.use(np.full((n, 1), 0.5), np.full((n, 1), -1.0), eps)
print(f"standard deviation {z.std():.4f} +- {np.exp(-0.5) / (2 * n) ** 0.5:.4f}, exact {np.exp(-0.5):.4f}")
assert abs(z.std() - np.exp(-0.5)) < 5 * np.exp(-0.5) / (2 * n) ** 0.5

# %% [markdown]
# Next: E4, the first backward. Walkthrough 5 shows a slip in this very line that no gradient check sees.
