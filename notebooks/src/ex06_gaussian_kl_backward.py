# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # E6. The backward of the KL
#
# You will be able to say how strongly the prior pulls at the mean and at the log-variance.
#
# Appendix B gives $KL = \tfrac12 \sum_j (\mu_j^2 + \sigma_j^2 - 1 - \log\sigma_j^2)$. Derive its gradients in $\mu$ and in
# $s = \log\sigma^2$; remember that $\sigma^2 = e^{s}$.
#
# The upstream gradient `dkl` has one number per row. Before you write: at which $\mu$ and $s$ must both gradients be zero?

# %%
import numpy as np

from aevb_np.exercises import check, hint

# %%
def gaussian_kl(mu, log_var):
    """KL( N(mu, diag sigma^2) || N(0, I) ), one number per row, and its backward.   (M, J), (M, J) -> (M,)"""
    kl = 0.5 * (mu**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)

    def backward(dkl):
        # dkl is (M,): return dmu and dlog_var, in this order, (M, J) each
        ### BEGIN SOLUTION
        d = dkl[:, None]
        return d * mu, 0.5 * d * (np.exp(log_var) - 1)  # dmu, dlog_var
        ### END SOLUTION

    return kl, backward

# %% [markdown]
# Check it as often as you like. With `explain=1` you are told the kind of the first fault, with `explain=2` its name;
# `hint("E6", 1)` to `hint("E6", 3)` help by degrees.

# %%
report = check("E6", gaussian_kl)
report

# %%
# The points, one for every check that is passed: nbgrader runs the check here once more, with other numbers.
### BEGIN HIDDEN TESTS
from aevb_np.grading import points

points(check("E6", gaussian_kl, seed=1))
### END HIDDEN TESTS

# %%
# hint("E6", 1)

# %% [markdown]
# See it at work: down the gradient, q becomes the prior. Until yours passes, `report.use` is the package's own.

# %%
mu, log_var = np.array([[2.0, -1.0]]), np.array([[1.5, -3.0]])
for _ in range(200):
    kl, backward = report.use(mu, log_var)
    dmu, dlog_var = backward(np.ones(1))
    mu, log_var = mu - 0.1 * dmu, log_var - 0.1 * dlog_var
print("after 200 steps: KL", kl[0].round(6), "  mu", mu[0].round(4), "  log_var", log_var[0].round(4))
assert kl[0] < 1e-3

# %% [markdown]
# Next: E7, a whole decoder.
