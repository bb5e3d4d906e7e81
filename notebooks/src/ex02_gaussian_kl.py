# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # E2. The KL to the prior, in closed form
#
# You will be able to write the KL of Appendix B from memory, and to test it without knowing it.
#
# Appendix B: for $q = N(\mu, \mathrm{diag}\,\sigma^2)$ and $p = N(0, I)$,
#
# $$KL(q \,\|\, p) = \tfrac12 \sum_j \left( \mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2 \right).$$
#
# The argument `log_var` holds $\log \sigma^2$. Before you write: for which $\mu$ and $\sigma$ is it zero, and can it be negative?

# %%
import numpy as np

from aevb_np.exercises import check, hint

# %%
def gaussian_kl(mu, log_var):
    """KL( N(mu, diag sigma^2) || N(0, I) ), one number per row.   (M, J), (M, J) -> (M,)"""
    ### BEGIN SOLUTION
    return 0.5 * (mu**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)
    ### END SOLUTION

# %% [markdown]
# Check it as often as you like. With `explain=1` you are told the kind of the first fault, with `explain=2` its name;
# `hint("E2", 1)` to `hint("E2", 3)` help by degrees.

# %%
report = check("E2", gaussian_kl)
report

# %%
# The points, one for every check that is passed: nbgrader runs the check here once more, with other numbers.
### BEGIN HIDDEN TESTS
from aevb_np.grading import points

points(check("E2", gaussian_kl, seed=1))
### END HIDDEN TESTS

# %%
# hint("E2", 1)

# %% [markdown]
# See it at work: the mean of $\log q(z) - \log p(z)$ over draws of $q$ is the same number. Until yours passes, `report.use` is the package's own.

# %%
mu, log_var = np.array([[0.5, -1.0, 0.2]]), np.array([[-1.0, 0.3, -2.0]])
eps = np.random.default_rng(0).standard_normal((100_000, 3))
z = mu + np.exp(0.5 * log_var) * eps
samples = 0.5 * (z**2 - eps**2 - log_var).sum(axis=1)
exact, mean, error = report.use(mu, log_var)[0], samples.mean(), samples.std() / len(samples) ** 0.5
print(f"closed form {exact:.4f}, sampled {mean:.4f} +- {error:.4f}")
assert abs(mean - exact) < 5 * error

# %% [markdown]
# Next: E3 draws the z that the other term needs. E6 is the backward of this function.
