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
# # Two gradients of one expectation
#
# You will be able to write the gradient of an expectation in two ways, say what each must know of the function, predict
# how its noise grows with the number of dimensions, tell where each of them is silently wrong, and pass a gradient
# through other distributions than the Gaussian.
#
# Equation and section numbers are those of Kingma and Welling, *Auto-Encoding Variational Bayes*. Nothing is
# downloaded. Make each prediction before you run the cell below it.

# %%
# %matplotlib inline
import inspect
import os
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import scipy.stats

import aevb_np
from aevb_np import data, gaussian, gaussian_log_prob, score_function, sgvb_a, sgvb_b, stream
from aevb_np import training
from aevb_np.evaluation import mean_and_error
from aevb_np.plotting import COLORS
from aevb_np.reparameterization import DISTRIBUTIONS, inverse_cdf, location_scale

plt.rcParams.update({"figure.dpi": 80, "figure.constrained_layout.use": True,
                     "axes.titlelocation": "left",
                     "axes.titlesize": 11, "axes.spines.top": False, "axes.spines.right": False})
FAST = os.environ.get("AEVB_FAST") == "1"  # fewer draws, to see that every cell runs
n = 20_000 if FAST else 100_000

# %% [markdown]
# ## One expectation, known exactly
#
# The bound is a mean over z ~ q, and q's own parameters are to be moved. Here is the smallest such problem, with
# everything known: $z \sim N(\mu, \sigma^2)$ and
#
# $$f(z) = -\tfrac12 (z - 2)^2, \qquad
# \mathrm{E}[f(z)] = -\tfrac12\big((\mu - 2)^2 + \sigma^2\big),$$
#
# whose slopes are $2 - \mu$ in $\mu$ and $-\frac12\sigma^2$ in $\log\sigma^2$. We stand at $\mu = 0$, $\sigma = 1$:
# they are 2 and -0.5.
#
# Two ways to write the slope as a mean, so that draws can estimate it. Section 2.4 makes z a function of noise,
# $z = \mu + \sigma\epsilon$, and moves the draws; section 2.2 leaves the draws where they are and moves their weights:
#
# $$\nabla\,\mathrm{E}[f(z)] = \mathrm{E}\big[f'(z)\,\nabla z\big] = \mathrm{E}\big[f(z)\,\nabla \log q(z)\big] .$$
#
# **Before you run:** the first needs the slope of f, the second only its value. By how many standard errors will the
# two differ?

# %%
def f(z):
    """-1/2 |z - 2|^2, one number per row, and its slope."""
    return -0.5 * ((z - 2) ** 2).sum(axis=1), 2 - z


def two_gradients(eps, f=f, baseline=0.0):
    """In (mu, log sigma^2) at (0, 0), for each row of noise: reparameterised; by the score."""
    mu = log_var = np.zeros_like(eps)
    z, back_sample = gaussian(mu, log_var, eps)
    value, slope = f(z)
    _, back_log_q = gaussian_log_prob(z, mu, log_var)
    return back_sample(slope), back_log_q(value - baseline)[1:]  # [0] would be the gradient in z


eps = stream("noise", seed=0).standard_normal((n, 1))
pathwise, score = two_gradients(eps)
for way, pair in (("reparameterised", pathwise), ("score function", score)):
    for parameter, values, exact in zip(("mu", "log sigma^2"), pair, (2, -0.5)):
        mean, error = mean_and_error(values)
        print(f"{way:16} in {parameter:12} {mean:8.4f} +- {error:.4f}   exact {exact:4}")
        assert abs(mean - exact) < 5 * error

# %% [markdown]
# By half of one here, and by chance alone: both are unbiased. But the standard errors of the score function are about
# four times as large.
#
# ## One draw
#
# **Before you run:** plot what one draw z says about the slope in $\mu$. The mean of both curves under q is 2. Which
# one stays near 2?

# %%
z = np.linspace(-3.2, 3.2, 201)[:, None]
at_z = [pair[0][:, 0] for pair in two_gradients(z)]  # at mu = 0 and sigma = 1, z is its own noise
figure, axes = plt.subplots(figsize=(6.2, 3.6))
hill = 20 * np.exp(-0.5 * z[:, 0] ** 2) - 10
axes.fill_between(z[:, 0], -10, hill, color="0.9", label="where z falls (q, not to scale)")
axes.axhline(2, color="black", linewidth=1, linestyle=":", label="the slope, exactly")
axes.plot(z[:, 0], at_z[0], color=COLORS[0], label="reparameterised: $f'(z)$")
axes.plot(z[:, 0], at_z[1], "--", color=COLORS[1],
          label=r"score function: $f(z)\,(z - \mu) / \sigma^2$")
axes.set(xlabel="z", ylabel=r"one draw's estimate of the slope in $\mu$", ylim=(-10, 40),
         title="The score function has its mean from rare, large values")
axes.legend(frameon=False, fontsize=9)
plt.show()

# %% [markdown]
# The solid line. The dashed curve has its mean from the left end, and says "up" there only because f is low on that
# side. It uses values of f alone; the solid line is the slope of f at z itself.
#
# **Before you run:** how many draws of the score function are as good as one reparameterised draw?

# %%
g_path, g_score = pathwise[0][:, 0], score[0][:, 0]
figure, axes = plt.subplots(figsize=(6.2, 3.2))
bins = np.linspace(-6, 50, 113)
axes.hist(g_score, bins, density=True, color="0.8", edgecolor="0.4", hatch="////", linewidth=0,
          label="score function")
axes.hist(g_path, bins, density=True, histtype="step", color=COLORS[0], linewidth=2,
          label="reparameterised")
axes.axvline(2, color="black", linestyle=":", label="exact")
axes.set(xlabel=r"estimate of the slope in $\mu$ from one draw", ylabel="density (log scale)",
         yscale="log", ylim=(3e-5, 2), title="The same mean, two widths")
axes.legend(frameon=False, fontsize=9)
plt.show()

# E[h(eps)] exactly, for polynomials up to degree 39
nodes, weights = np.polynomial.hermite_e.hermegauss(20)
weights /= weights.sum()
f_1 = -0.5 * (nodes - 2) ** 2  # f at the nodes, for one dimension
variance = {}
for way, values, exact in (("reparameterised", g_path, weights @ (2 - nodes) ** 2 - 4),
                           ("score function", g_score, weights @ (f_1 * nodes) ** 2 - 4)):
    variance[way], error = mean_and_error((values - 2) ** 2)
    print(f"variance, {way:16} {variance[way]:7.3f} +- {error:.3f}   exact {exact:.3f}")
    assert abs(variance[way] - exact) < 5 * error

# %% [markdown]
# Nearly 22, and this is one dimension and a simple function.
#
# ## A baseline
#
# Add 10 to f and no gradient changes.
#
# **Before you run:** which of the two estimates notices nevertheless? What would you subtract from f to help it?

# %%
baselines = np.arange(-12, 11)
measured = [mean_and_error((two_gradients(eps, baseline=b)[1][0][:, 0] - 2) ** 2)
            for b in baselines]
b = np.linspace(-12, 10, 200)
exact = weights @ (f_1 * nodes) ** 2 - 2 * b * (weights @ (f_1 * nodes**2)) + b**2 - 4
figure, axes = plt.subplots(figsize=(6.2, 3.4))
axes.plot(b, exact, color=COLORS[1], label="score function, exact")
axes.errorbar(baselines, *np.transpose(measured), fmt="o", color="black", markersize=4,
              label=f"measured, {n:,} draws")
axes.axhline(1, color=COLORS[0], linestyle="--", label="reparameterised")
axes.annotate("as it stands", (0, 21.75), (1, 75), arrowprops={"arrowstyle": "-"})
axes.annotate("f + 10", (-10, 51.75), (-11.5, 105), arrowprops={"arrowstyle": "-"})
axes.set(xlabel="baseline b that is subtracted from f", ylabel="variance of one draw",
         ylim=(0, 225),
         title="The best baseline halves the variance, reparameterising divides it by 22")
axes.legend(frameon=False, fontsize=9, loc="upper center")
plt.show()
print(f"lowest variance {exact.min():.2f} at b = {b[exact.argmin()]:.1f}; "
      f"at the mean of f, {weights @ f_1:.1f}, "
      f"it is {np.interp(weights @ f_1, b, exact):.2f}")
assert all(abs(value - np.interp(at, b, exact)) < 5 * error + 0.01
           for at, (value, error) in zip(baselines, measured))

# %% [markdown]
# The score function alone: it weighs by f, so a constant in f adds noise. Subtract about -3.5 here. The mean of f,
# -2.5, is nearly as good, and can be estimated from other draws. What stays is that f *varies*.
#
# ## More dimensions
#
# Now J numbers z, each as before, and $f(z) = -\frac12\sum_j (z_j - 2)^2$. We watch the slope in the first mean only;
# it is still 2.
#
# **Before you run:** with J twice as large, the variance of each estimate grows by which factor: 1, 2 or 4?

# %%
sizes = 2 ** np.arange(0, 9)
draws = n // 10
ways = {"score function": [], "score, b = E[f]": [], "reparameterised": []}
for J in sizes:
    noise = stream("noise", 1, int(J)).standard_normal((draws, J))
    path, score = two_gradients(noise)
    _, helped = two_gradients(noise, baseline=-2.5 * J)
    for name, pair in zip(ways, (score, helped, path)):
        ways[name].append(mean_and_error((pair[0][:, 0] - 2) ** 2))
# mean and variance of each of the other J - 1 terms of f
m, v = weights @ f_1, weights @ f_1**2 - (weights @ f_1) ** 2
others = sizes - 1
theory = {"score function": weights @ (f_1 * nodes) ** 2 - 4
          + (2 * m * (weights @ (f_1 * nodes**2)) + v) * others
          + (m * others) ** 2,
          "score, b = E[f]": weights @ ((f_1 - m) * nodes) ** 2 - 4 + v * others,
          "reparameterised": 1 + 0 * others}
print(f"{'variance':17}" + "".join(f"{f'J = {J}':>22}" for J in sizes[[0, 4, 8]]) + "    grows as")
for name, found in ways.items():
    cells = "".join(f"{found[k][0]:12.4g} +- {found[k][1]:<6.2g}" for k in (0, 4, 8))
    growth = np.polyfit(np.log(sizes[4:]), np.log([value for value, _ in found[4:]]), 1)[0]
    print(f"{name:17}{cells}    J^{growth:.2f}")
    print(f"{'   exact':17}" + "".join(f"{theory[name][k]:12.4g}{'':10}" for k in (0, 4, 8)))
    assert all(abs(value - exact) < 5 * error for (value, error), exact in zip(found, theory[name]))

# %%
figure, axes = plt.subplots(figsize=(6.2, 3.6))
for (name, found), marker, color in zip(ways.items(), "os^", (COLORS[1], "black", COLORS[0])):
    axes.plot(sizes, theory[name], color=color, linewidth=1)
    axes.plot(sizes, [value for value, _ in found], marker, color=color, label=name)
axes.set(xscale="log", yscale="log", xlabel="dimensions J", ylabel="variance of one draw",
         xticks=sizes, xticklabels=sizes,
         title=r"Variance of the slope in $\mu_1$: $J^2$, $J$ and 1 (lines: exact)")
axes.minorticks_off()
axes.legend(frameon=False, fontsize=9)
plt.show()

# %% [markdown]
# Four for the score function, two for it with a baseline, and one for the reparameterised slope. The score function
# gives each coordinate the same number f, to which the other J - 1 coordinates add their noise. $f'$ is J numbers, one
# for each coordinate. A baseline takes the mean of the other coordinates away and leaves their spread.
#
# ## Where each of them is wrong
#
# **Before you run:** two traps, one for each. First, f(z) = 1 where z > 1, else 0, under N(0, 1). Second, the
# mean of z² for z uniform between 0 and s, with the slope in s, at s = 1.

# %%
def step(z):
    return (z[:, 0] > 1).astype(float), np.zeros_like(z)  # flat wherever it has a slope


def told(case, exact, estimates):
    for way, values in estimates.items():
        mean, error = mean_and_error(values)
        verdict = "right" if abs(mean - exact) < 5 * error else "WRONG"
        print(f"{case:20} {way:16} {mean:8.4f} +- {error:.4f}   exact {exact:.4f}   {verdict}")
        yield verdict


path, score = two_gradients(eps, step)
first = list(told("step, slope in mu", scipy.stats.norm.pdf(1), {"reparameterised": path[0],
                                                                "score function": score[0]}))

s = np.ones((n, 1))
z, back = location_scale.uniform(0 * s, s, stream("noise", seed=2).random((n, 1)))
_, back_log_q = location_scale.uniform_log_prob(z, 0 * s, s)
second = list(told("uniform, slope in s", 2 / 3, {"reparameterised": back(2 * z)[1],
                                                  "score function": back_log_q(z[:, 0] ** 2)[2]}))
assert first == ["WRONG", "right"] and second == ["right", "WRONG"]

# %% [markdown]
# Each is wrong once, and neither reports it: the standard errors are small. The slope of f says nothing of a jump of f.
# So reparameterisation needs a continuous f, without a discrete z or a hard decision inside. Weights cannot reach where
# q had no draws. So the score function needs a support that does not move with the parameters. And only the score
# function can be used where f is a black box.
#
# ## Three families
#
# Section 2.4 knows three recipes for z as a function of noise: put a uniform number through an **inverse CDF**; shift
# and stretch, **location + scale**; or **compose** such variables. Below are a member of the first, the recipe of the
# second, and the names of all that the package has of each. (`@ranged` checks the arguments; `from_slopes` multiplies
# dz by the slope that stands beside each parameter.)

# %%
for sampler in (inverse_cdf.weibull, location_scale.location_scale):
    print(inspect.getsource(sampler))
for family in ("inverse CDF", "location-scale", "composition"):
    print(f"{family}: {', '.join(row.name for row in DISTRIBUTIONS if row.family == family)}")

# %% [markdown]
# **Before you run:** the draws are held against scipy's distribution by the Kolmogorov-Smirnov test, and the slope of
# E[z²] in a parameter against scipy's moments. If all is right, what do nine p-values look like?

# %%
S = scipy.stats
# parameters; in which of them the slope is taken; the settings of the noise; scipy's counterpart
CASES = {
    "Pareto": ((9.0, 0.5), 0, {}, lambda shape, scale: S.pareto(shape, 0, scale)),
    "Weibull": ((1.5, 1.0), 0, {}, lambda shape, scale: S.weibull_min(shape, 0, scale)),
    "Gumbel": ((0.5, 0.8), 1, {}, S.gumbel_r),
    "Laplace": ((0.5, 0.8), 1, {}, S.laplace),
    "Student's t": ((0.5, 0.8), 0, {"df": 9.0}, lambda loc, scale: S.t(9, loc, scale)),
    "Gaussian": ((0.5, -0.5), 1, {}, lambda mu, log_var: S.norm(mu, np.exp(log_var / 2))),
    "Log-Normal": ((0.0, -1.0), 1, {},
                   lambda mu, log_var: S.lognorm(np.exp(log_var / 2), 0, np.exp(mu))),
    "Gamma": ((0.6, 1.0), 0, {}, lambda shape, scale: S.gamma(shape, 0, scale)),
    "Beta": ((2.0, 0.8), 0, {}, S.beta),
}

# %%
drawn = {}
print(f"{'':34}KS p-value   slope of E[z^2] in")
for row in DISTRIBUTIONS:
    if row.name not in CASES:
        continue
    numbers, which, settings, law = CASES[row.name]
    parameters = [np.full((n, 1), number) for number in numbers]
    z, back = row.sampler(*parameters, row.draw(stream("noise", 3, len(drawn)), (n, 1), **settings))
    drawn[row.name] = z[:, 0], law(*numbers)
    p_value = S.kstest(z[:, 0], law(*numbers).cdf).pvalue
    mean, error = mean_and_error(back(2 * z)[which])
    high, low = ([a + h * (k == which) for k, a in enumerate(numbers)] for h in (1e-4, -1e-4))
    exact = (law(*high).moment(2) - law(*low).moment(2)) / 2e-4
    print(f"{row.family:16}{row.name:18}{p_value:10.3f}   {row.parameters[which]:8}"
          f"{mean:8.4f} +- {error:.4f}   exact {exact:.4f}")
    assert p_value > 1e-4 and abs(mean - exact) < 5 * error
assert len(drawn) == 9

# %%
figure, panels = plt.subplots(1, 3, figsize=(8.6, 2.8))
for axes, name, family in zip(panels, ("Weibull", "Laplace", "Beta"),
                              ("inverse CDF", "location-scale", "composition")):
    z, law = drawn[name]
    grid = np.linspace(*law.ppf([0.002, 0.998]), 200)
    axes.hist(z, 60, range=(grid[0], grid[-1]), density=True, color="0.8")
    axes.plot(grid, law.pdf(grid) / (law.cdf(grid[-1]) - law.cdf(grid[0])), color="black")
    axes.set(title=f"{family}: {name}", xlabel="z", yticks=[])
    axes.spines["left"].set_visible(False)
panels[0].set_ylabel("draws (grey), density (line)")
plt.show()

# %% [markdown]
# Spread evenly between 0 and 1: these run from 0.16 to 0.98. Even a *shape* gets a gradient, that of the Gamma or the
# Beta, and nothing else in the estimator changes.
#
# ## On a small VAE
#
# Both are in the package: the gradient of `sgvb_a` and `sgvb_b` goes through the sample, that of `score_function` does
# not. Here is the body of `score_function`:

# %%
print(inspect.getsource(score_function).split('"""')[-1])

# %% [markdown]
# Line 4 asks for no gradient in z, and line 5 throws its own away. In `advantage` the `baseline` is subtracted from f.
#
# Now f has 784 pixels, five latent numbers decide them, and the model is trained for 600 steps. We compare the variance
# of five estimators: A, B, and the score function with no baseline, with one number, and with one number for each
# image.
#
# **Before you run:** the score function's variances as multiples of B's: guess the powers of ten.

# %%
digits = data.digits(n_train=2_000, n_test=500)
N, M, J = 2_000, 100, 5
x_test = digits.scale(digits.x_test)
model = aevb_np.VAE.bernoulli(D=784, H=100, J=J)
batches = training.Minibatches(N, M, seed=0)


def trained(estimator, steps, every=50):
    """The parameters after so many steps, and on the way the test images' mean bound by B."""
    p = model.init(stream("init", 0))
    ascent = aevb_np.AEVB(model, p, aevb_np.Adagrad(step=0.05, warmup=20, epsilon=1e-8 / M**2), N,
                          estimator=estimator)
    seen = []
    for t in range(steps):
        index = batches.at(t)
        ascent.step(digits.scale(digits.x_train[index]), index, stream("noise", 0, t))
        if (t + 1) % every == 0:
            eps = stream("evaluate", 0).standard_normal((len(x_test), J), dtype=np.float32)
            seen.append(mean_and_error(sgvb_b(model, p.theta, p.phi, x_test, eps)[0]))
    return p, seen


p, seen_b = trained(sgvb_b, 100 if FAST else 600)

# %%
x = x_test[:M]
other = stream("evaluate", 1).standard_normal((10 * M, J), dtype=np.float32)
# the mean of f over ten draws, for each image
per_image = sgvb_a(model, p.theta, p.phi, x, other)[0]
estimators = {"B": sgvb_b, "A": sgvb_a, "score": score_function,
              "score, b one number": partial(score_function, baseline=per_image.mean()),
              "score, b per image": partial(score_function, baseline=per_image)}
repeats, gradients = 40 if FAST else 200, {}
for name, estimator in estimators.items():
    gradients[name] = np.empty((repeats, p.phi.mean.flat.size + p.phi.log_var.flat.size))
    for r in range(repeats):
        p.grad[:] = 0
        eps = stream("noise", 5, r).standard_normal((M, J), dtype=np.float32)
        estimator(model, p.theta, p.phi, x, eps)[1](np.full(M, 1 / M, np.float32))
        # the encoder's two heads
        gradients[name][r] = np.concatenate([p.phi.mean.grad, p.phi.log_var.grad])
spread = {name: g.var(axis=0, ddof=1).sum() for name, g in gradients.items()}
print("gradient in the heads      variance       / B's   mean differs from B's by   (by chance)")
for name, g in gradients.items():
    apart = np.linalg.norm(g.mean(axis=0) - gradients["B"].mean(axis=0))
    chance = np.sqrt((g - gradients["B"]).var(axis=0, ddof=1).sum() / repeats)
    print(f"{name:20} {spread[name]:14,.0f} {spread[name] / spread['B']:11,.1f}   "
          f"{apart:24.2f}   ({chance:.2f})")
    assert apart <= 2 * chance
assert spread["score"] > max(1_000 * spread["B"], 100 * spread["score, b per image"])

# %% [markdown]
# About 30,000 with no baseline, 1,600 with one number, and 14 with one number for each image: f differs far more from
# image to image than from z to z. The means of all five agree within chance.
#
# **Before you run:** trained by each for equally many steps, how far behind B will the score function be, with a
# baseline for each image and without?

# %%
def with_baseline(model, theta, phi, x, eps):
    """The score function; each image's baseline is its bound at a second draw of z."""
    second = rng.standard_normal(eps.shape, dtype=eps.dtype)
    return score_function(model, theta, phi, x, eps,
                          baseline=sgvb_a(model, theta, phi, x, second)[0])


rng = stream("evaluate", 2)
steps = 100 if FAST else 600
runs = {"B": (p, seen_b), "score, b per image": trained(with_baseline, steps),
        "score": trained(score_function, steps)}
figure, axes = plt.subplots(figsize=(6.2, 3.4))
for (name, (p, seen)), marker, color in zip(runs.items(), "^so", (COLORS[0], "black", COLORS[1])):
    bound = [value for value, _ in seen]
    axes.plot(50 * (1 + np.arange(len(seen))), bound, "-" + marker, color=color, markersize=4,
              label=name)
    z = model.encoder.sample(p.phi, x_test, stream("evaluate", 3))
    own, foreign = (model.decoder.log_prob(p.theta, x_test, codes)[0]
                    for codes in (z, np.roll(z, 1, axis=0)))
    worth = mean_and_error(own - foreign)
    print(f"{name:19} bound {seen[-1][0]:.1f} +- {seen[-1][1]:.1f} nats per test image; "
          f"its own z instead of another's gains {worth[0]:.0f} +- {worth[1]:.0f}")
axes.set(xlabel="steps, 100 images each", ylabel="bound (nats per test image)",
         title="The same model, step and minibatches; only phi's gradient differs")
axes.legend(frameon=False, fontsize=9)
plt.show()
final = {name: seen[-1][0] for name, (_, seen) in runs.items()}
assert min(final["B"], final["score, b per image"]) > final["score"]

# %% [markdown]
# Seven nats with, 34 nats without. With a baseline for each image the score function keeps up for about 350 steps; then
# it falls behind. Without a baseline z says little about its image, 28 nats instead of B's 108. Most of the rise there
# comes from the decoder, whose gradient does not go through z.
#
# ## Summary
#
# - $\nabla\mathrm{E}[f]$ is the mean of $f'(z)\nabla z$ and the mean of $f(z)\nabla\log q(z)$. Both are unbiased.
# - Where f is a sum over J coordinates, the variance of a slope does not grow with the first; it grows as $J^2$ with
#   the second, as $J$ if that has a baseline.
# - A baseline takes away what is constant in f, or constant for an image. It does not take away the noise of the other
#   coordinates.
# - A continuous f and a z that moves smoothly with its parameters: reparameterise. A jump, a discrete z or a black box:
#   the score function.
# - Inverse CDF, location-scale and composition reach every distribution that the paper names.
#
# Exercise that follows: **E3**, the reparameterised sample, in one line. Walkthrough 3 takes the bound apart, and finds
# that its two estimators A and B differ in noise alone.
