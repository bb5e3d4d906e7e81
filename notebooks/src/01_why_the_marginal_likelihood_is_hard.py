# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Why the marginal likelihood is hard
#
# You will be able to compute log p(x) of a small model exactly, say what the lower bound misses and why that is a KL
# divergence, find the best Gaussian q(z|x) on a map of the bound, and say what breaks when z gets more dimensions.
#
# Equation numbers are those of Kingma and Welling, *Auto-Encoding Variational Bayes*. All numbers are in nats. Make
# each prediction before you run the cell below it.

# %%
# %matplotlib inline
import math
import os

import matplotlib.pyplot as plt
import numpy as np
import scipy.ndimage

from aevb_np import VAE, Params, gaussian_kl, gaussian_log_prob, sgvb_b, standard_normal_log_prob
from aevb_np import stream
from aevb_np.evaluation import mean_and_error
from aevb_np.marginal_likelihood import quadrature
from aevb_np.numerics import log_mean_exp
from aevb_np.plotting import COLORS

plt.rcParams.update({"figure.dpi": 80, "figure.constrained_layout.use": True,
                     "axes.titlelocation": "left",
                     "axes.titlesize": 11, "axes.spines.top": False, "axes.spines.right": False})
FAST = os.environ.get("AEVB_FAST") == "1"  # fewer draws, to see that every cell runs

# %% [markdown]
# ## A model with one latent number
#
# The decoder is the paper's eq. (12) with two hidden units, its weights chosen by hand. It bends the line of all z into
# an arrowhead in the plane, and adds noise of standard deviation 0.35 to both coordinates of x.
#
# **Before you run:** the diamond at (0.6, 0.1) is a data point. Which z may have made it?

# %%
model = VAE.gaussian(D=2, H=2, J=1, sigmoid_mean=False)
p = Params(model.shapes)
p.theta.hidden.W[...], p.theta.hidden.b[...] = 1.5, (1.5, -1.5)
p.theta.mean.W[...] = [[1, 0.8], [-1, 0.8]]
p.theta.log_var.b[...] = 2 * math.log(0.35)
x = np.array([[0.6, 0.1]])

z = np.linspace(-6, 6, 1201)[:, None]  # all z that matter, 0.01 apart
rng = stream("dreams", seed=0)
drawn = model.decoder.sample(p.theta, rng.standard_normal((400, 1)), rng)
figure, axes = plt.subplots(figsize=(5, 4))
axes.plot(*drawn.T, ".", color="0.7", markersize=3, label="x drawn from the model")
axes.plot(*model.decoder.mean(p.theta, z).T, color=COLORS[0], label="mean of p(x|z), for all z")
for number in (-2, -1, 0, 1, 2):
    place = model.decoder.mean(p.theta, np.array([[float(number)]]))[0]
    axes.plot(*place, "o", color=COLORS[0], markersize=4)
    axes.annotate(f"z = {number}", place, (6, 3), textcoords="offset points", fontsize=9)
axes.plot(*x[0], "D", color="black", label="our data point x")
axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal",
         title="One number z bends into an arrowhead of means")
axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=9)
plt.show()

# %% [markdown]
# Two stretches of z, around 0.9 and -0.8: x lies between the two arms, a little nearer to the upper one.
#
# ## The integral
#
# $$p(x) = \int p(z)\, p(x|z)\, dz$$
#
# With one latent number it is a sum over a grid. The package's `quadrature` climbs to the top of every hill of p(x, z)
# and sums over a grid around it, as fine as the hill is narrow. It also says how far off its result is at most.
#
# **Before you run:** how many of our 1,201 grid points will a plain sum need to agree with it in five digits: all of
# them, about sixty, or about ten?

# %%
# log p(x, z) for every z of the grid
log_joint, _ = model.log_joint(p.theta, np.repeat(x, len(z), axis=0), z)
estimate = quadrature(model.decoder, p.theta, x)
log_px = estimate.log_px[0]
print(f"quadrature     log p(x) = {log_px:.8f} +- {estimate.error[0]:.0e}")
for every in (1, 10, 20, 50, 100):
    part = log_joint[::every]
    print(f"{len(part):5} points   log p(x) = {np.log(np.exp(part).sum() * 0.01 * every):.8f}")
assert abs(np.log(np.exp(log_joint).sum() * 0.01) - log_px) < 1e-8

# %% [markdown]
# About sixty: 61 points, a fifth of a unit apart, give -3.9203, and 25 points do not. A smooth hill is quickly summed,
# once it is known where it is: in one dimension this integral is easy. Its area gives us the posterior too.
#
# **Before you run:** the posterior is p(x, z) divided by that area. Is it a Gaussian?

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
left.fill_between(z[:, 0], np.exp(log_joint), color="0.8")
left.plot(z[:, 0], np.exp(log_joint), color="black")
left.set(title=f"The area under p(x, z) is p(x) = {math.exp(log_px):.4f}", xlabel="z",
         ylabel="p(x, z)", xlim=(-3, 3))
posterior = np.exp(log_joint - log_px)
right.plot(z[:, 0], posterior, color="black", label="posterior p(z|x)")
right.plot(z[:, 0], np.exp(standard_normal_log_prob(z)[0]), "--", color=COLORS[0],
           label="prior p(z)")
right.set(title="Seeing x splits the prior into two hills", xlabel="z", ylabel="density",
          xlim=(-3, 3))
right.legend(frameon=False, fontsize=9)
plt.show()

# %% [markdown]
# No, it has two hills: x does not say for certain which arm it came from. Whoever has p(x) has the posterior, and the
# other way round. Where one of them is out of reach, so is the other.
#
# ## What the bound misses
#
# For *any* density q(z), eq. (1) and (3) say
#
# $$\log p(x) = D_{KL}\big(q(z)\,\|\,p(z|x)\big) + \mathcal{L}, \qquad
# \mathcal{L} = -D_{KL}\big(q(z)\,\|\,p(z)\big) + \mathrm{E}_q[\log p(x|z)] .$$
#
# $\mathcal{L}$ needs neither p(x) nor the posterior. Here we have both, so the first equation can be checked: each of
# its terms is computed on its own.
#
# **Before you run:** rank four guesses by their bound: the prior; a wide Gaussian over both hills; one on the upper
# arm's hill; one on the lower arm's.

# %%
def terms(mu, sigma):
    """KL(q || posterior), by a sum over the grid, and the bound, eq. (3), of q = N(mu, sigma^2)."""
    mu, log_var = np.array([[mu]]), np.array([[2 * math.log(sigma)]])
    log_q, _ = gaussian_log_prob(z, mu, log_var)
    q = 0.01 * np.exp(log_q)
    log_px_z = log_joint - standard_normal_log_prob(z)[0]
    return q @ (log_q - log_joint + log_px), q @ log_px_z - gaussian_kl(mu, log_var)[0][0]


guesses = {"the prior": (0, 1), "over both": (0.3, 0.8), "upper arm": (0.84, 0.23),
           "lower arm": (-0.79, 0.25)}
for name, (mu, sigma) in guesses.items():
    gap, bound = terms(mu, sigma)
    print(f"{name}: bound {bound:7.3f} + KL to the posterior {gap:6.3f} = {bound + gap:.9f}   "
          f"(exact: {log_px:.9f})")
    assert abs(bound + gap - log_px) < 1e-7

# %% [markdown]
# The upper arm, then over both, then the prior, and the lower arm last. One hill is better than both only if it is the
# right one. A Gaussian pays dearly where it is high and the posterior is low. It pays little where the posterior is
# high and it is low itself.

# %%
figure, axes = plt.subplots(2, 2, figsize=(7.5, 4.4), sharex=True, sharey=True)
for place, (name, (mu, sigma)) in zip(axes.ravel(), guesses.items()):
    q = np.exp(gaussian_log_prob(z, np.array([[mu]]), np.array([[2 * math.log(sigma)]]))[0])
    place.fill_between(z[:, 0], posterior, color="0.85", label="posterior")
    place.plot(z[:, 0], q, color=COLORS[1], label="q")
    place.set(title=f"{name}: misses {terms(mu, sigma)[0]:.2f} nats", xlim=(-3, 3))
for place in axes[1]:
    place.set_xlabel("z")
for place in axes[:, 0]:
    place.set_ylabel("density")
axes[0, 0].legend(frameon=False, fontsize=9)
plt.show()

# %% [markdown]
# *Four Gaussians (lines) over the same posterior (grey). The one on the taller hill is nearest, though it ignores the
# other. The one on the lower hill stands three times as high as the posterior there.*
#
# **Before you run:** the bars below begin at the bound and are as long as the gap. What do their ends have in common?

# %%
figure, axes = plt.subplots(figsize=(6.2, 3))
for row, (name, (mu, sigma)) in enumerate(guesses.items()):
    gap, bound = terms(mu, sigma)
    axes.barh(row, gap, left=bound, height=0.6, color="0.8", edgecolor="black", hatch="///")
    axes.plot(bound, row, "o", color="black")
    axes.annotate(f"{bound:.2f}", (bound, row), (-8, 0), textcoords="offset points", ha="right",
                  va="center")
axes.axvline(log_px, color=COLORS[1], linestyle="--")
axes.annotate(f"log p(x) = {log_px:.2f}", (log_px, 1.5), (6, 0), textcoords="offset points",
              va="center", color=COLORS[1])
axes.set(yticks=range(4), yticklabels=guesses, xlabel="nats", ylim=(3.6, -0.6), xlim=(-6, -3.1),
         title="Bound (dot) + KL to the posterior (hatched) = log p(x)")
plt.show()

# %% [markdown]
# They all end at the dashed line, log p(x): a better q moves the dot, never the end. To raise the bound over q *is* to
# move q towards the posterior.
#
# ## The bound against phi
#
# **Before you run:** how many tops has the bound as a function of the mean and the standard deviation of q?

# %%
mus, sigmas = np.linspace(-2, 2, 161), np.geomspace(0.08, 1.6, 121)
landscape = np.array([[terms(mu, sigma)[1] for mu in mus] for sigma in sigmas])
# a top is higher than everything within eight steps of the grid
tops = np.argwhere(landscape == scipy.ndimage.maximum_filter(landscape, 17))
tops = sorted(((mus[j], sigmas[i], landscape[i, j]) for i, j in tops), key=lambda top: -top[2])
best = tops[0][:2]
figure, axes = plt.subplots(figsize=(6.2, 3.8))
levels = log_px - np.array([16, 8, 4, 2, 1.33, 1, 0.6, 0.4])
lines = axes.contour(mus, sigmas, landscape, levels=levels, cmap="viridis", vmax=log_px + 3)
axes.clabel(lines, [level for level in levels if level != log_px - 1.33], fmt="%.1f", fontsize=8)
for (mu, sigma, bound), color in zip(tops, ("black", "0.5")):
    axes.plot(mu, sigma, "*", color=color, markersize=12, label=f"top: {bound:.2f}")
for marker, (name, guess) in zip("^svo", guesses.items()):
    axes.plot(*guess, marker, color="black", markerfacecolor="white", label=name)
axes.set(yscale="log", xlabel=r"mean $\mu$ of q", ylabel=r"standard deviation $\sigma$ of q",
         title=f"The bound of every Gaussian q, in nats (log p(x) = {log_px:.2f})")
axes.set_yticks([0.1, 0.2, 0.5, 1], ["0.1", "0.2", "0.5", "1"])
axes.minorticks_off()
axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=9)
plt.show()
for mu, sigma, bound in tops:
    print(f"a top at mu = {mu:.2f}, sigma = {sigma:.2f}: {log_px - bound:.3f} nats below log p(x)")
assert len(tops) == 2 and tops[0][2] < log_px - 0.2

# %% [markdown]
# Two, one for each hill. The second one, at -5.23, is small: the contour around it is at -5.25. An ascent that begins
# at the lower arm's guess, inside this contour, cannot leave it. Even the best Gaussian stays 0.357 nats below, for no
# Gaussian has two hills. No training of q closes this gap, but a richer family of q would. So would another decoder, if
# its posterior were a Gaussian.
#
# ## Without the grid
#
# The package's `sgvb_b`, eq. (7), needs no grid: it draws z from q. An encoder whose weights are zero and whose biases
# are $\mu$ and $\log \sigma^2$ gives the best q above to every x.
#
# **Before you run:** how far from the exact bound will the mean of 10,000 draws be?

# %%
p.phi.mean.b[...], p.phi.log_var.b[...] = best[0], 2 * math.log(best[1])
draws = 2_000 if FAST else 10_000
eps = stream("noise", seed=0).standard_normal((draws, 1))
bounds, _ = sgvb_b(model, p.theta, p.phi, np.repeat(x, draws, axis=0), eps)
mean, error = mean_and_error(bounds)
print(f"by {draws:,} draws {mean:.4f} +- {error:.4f}   exact {terms(*best)[1]:.4f}   "
      f"log p(x) {log_px:.4f}")
assert abs(mean - terms(*best)[1]) < 5 * error  # by chance once in two million seeds

# %% [markdown]
# By less than one standard error, which is 0.007 nats. The bound can be estimated where log p(x) cannot, and one draw
# is enough for an unbiased estimate.
#
# ## What breaks with more dimensions
#
# Now there is less noise, 0.1, and x is next to the upper arm: the posterior is one narrow hill, almost a Gaussian. We
# put J copies of this model side by side: x has 2J numbers and z has J. The answer stays known, for p(x) is a product:
# log p(x) is J times that of one copy. No method is told so.
#
# **Before you run:** take a grid with 100 points on each axis. From which J on does it need ten billion?

# %%
x = np.array([[1.0, 0.7]])
p.theta.log_var.b[...] = 2 * math.log(0.1)
log_px = quadrature(model.decoder, p.theta, x).log_px[0]
# posterior on the grid
weights = 0.01 * np.exp(model.log_joint(p.theta, np.repeat(x, len(z), axis=0), z)[0] - log_px)
p.phi.mean.b[...] = weights @ z
# q has the posterior's mean and variance
p.phi.log_var.b[...] = np.log(weights @ (z - weights @ z) ** 2)


def copies(J):
    """J copies of the model and of x in one: every weight matrix becomes block-diagonal."""
    side_by_side = VAE.gaussian(D=2 * J, H=2 * J, J=J, sigmoid_mean=False)
    many = Params(side_by_side.shapes)
    for (name, wide, _), (_, one, _) in zip(many.arrays(), p.arrays()):
        wide[...] = np.kron(np.eye(J), one) if name.endswith("W") else np.tile(one, J)
    return side_by_side, many, np.tile(x, J)


for J in (2, 4):
    wide, many, x_wide = copies(J)
    try:
        found = quadrature(wide.decoder, many.theta, x_wide)
        print(f"J = {J}: quadrature {found.log_px[0]:.6f} +- {found.error[0]:.0e}   "
              f"exact {J * log_px:.6f}")
        assert abs(found.log_px[0] - J * log_px) < 1e-3
    except ValueError as refusal:
        print(f"J = {J}:", refusal)

# %% [markdown]
# From J = 5 on; for J = 20, as in the paper, it is $100^{20}$ points. The package's `quadrature` refuses J = 4. Then
# draws from the prior, perhaps? They need no grid, and the mean of p(x|z) over z ~ p(z) is p(x) exactly, whatever J.
#
# **Before you run:** with 10,000 draws, up to which J will its logarithm be right to a nat? Which way does it fail?

# %%
sizes, repeats, K = (1, 2, 3, 4, 6, 8, 10), 10 if FAST else 20, 2_000 if FAST else 10_000
prior_draws, bounds = np.empty((2, len(sizes), repeats))
for row, J in enumerate(sizes):
    wide, many, x_wide = copies(J)
    rows = np.repeat(x_wide, K, axis=0)
    for r in range(repeats):
        eps = stream("evaluate", r, J).standard_normal((K, J))
        log_weights, _ = wide.decoder.log_prob(many.theta, rows, eps)  # eps serves as z ~ p(z)
        prior_draws[row, r] = log_mean_exp(log_weights) - J * log_px
        bounds[row, r] = sgvb_b(wide, many.theta, many.phi, rows, eps)[0].mean() - J * log_px
print("off by (nats, exact: 0)   draws from the prior     the bound")
for J, *off in zip(sizes, prior_draws, bounds):
    print(f"{f'J = {J}':>23}"
          + "".join("   {:10.3f} +- {:.3f}".format(*mean_and_error(values)) for values in off))
assert abs(prior_draws[0].mean()) < 0.1 and prior_draws[-1].max() < -2
assert np.all(np.abs(bounds) < 0.1 * np.array(sizes)[:, None])

# %%
figure, axes = plt.subplots(figsize=(6.2, 3.6))
axes.axhline(0, color="black", linewidth=1)
axes.plot(np.repeat(sizes, repeats), prior_draws.ravel(), ".", color="0.5", markersize=4,
          label=f"{K:,} prior draws, once")
axes.plot(sizes, prior_draws.mean(axis=1), "-o", color=COLORS[0],
          label=f"mean of {repeats} such estimates")
axes.plot(sizes, bounds.mean(axis=1), "--s", color=COLORS[1], markerfacecolor="white",
          label="the bound, same number")
axes.set(xlabel="latent dimensions J", ylabel="estimate - log p(x)  (nats)", xticks=sizes,
         title="Draws from the prior miss x when z is long; draws from q do not")
axes.legend(frameon=False, fontsize=9)
plt.show()

# %% [markdown]
# *Errors of log p(x) against J: single estimates from prior draws (dots), their mean (circles), the bound (squares).*
#
# Up to J = 3, on average: 20 estimates with J = 3 are 0.2 nats too low, and from J = 4 on they are 8 to 171 nats too
# low. The mean of p(x|z) is right on average, but with many dimensions it comes from draws so rare that 10,000 do not
# hold one. What is left is too low, and nothing in the draws says by how much. The bound is too low by a KL, and its
# gradient says where q should look instead.
#
# ## Summary
#
# - p(x) is an integral over all z. In one dimension 61 points do; a grid for J dimensions has that many to the power J.
# - Draws from the prior are unbiased and useless: in many dimensions next to none of them could have made x.
# - log p(x) = bound + KL(q || posterior), for every q. Raising the bound over q moves q to the posterior.
# - Where the posterior is no Gaussian, the best Gaussian leaves a gap. Here it settles on the taller of two hills.
#
# Exercises that follow: **E1** and **E2** write the two terms of the bound, a stable log p(x|z) and the KL, **E3** the
# draw from q. Notebook 2 asks how to find the *gradient* of the bound; notebook 3 takes the bound apart.
