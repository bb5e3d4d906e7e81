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
# # The bound, term by term
#
# You will be able to say in which units a bound is told, compute the KL in three ways, write log-likelihoods that
# neither overflow nor go flat, find a wrong term with probes whose answers are known beforehand, and tell when
# estimator A is quieter than estimator B.
#
# Equation numbers are those of Kingma and Welling, *Auto-Encoding Variational Bayes*. Nothing is downloaded. Make each
# prediction before you run the cell below it.

# %%
# %matplotlib inline
import inspect
import math
import os

import matplotlib.pyplot as plt
import numpy as np

import aevb_np
from aevb_np import bernoulli_log_prob, data, evaluation, gaussian, gaussian_kl, gaussian_log_prob
from aevb_np import numerics, sigmoid, standard_normal_log_prob, stream, training
from aevb_np.checks import problem
from aevb_np.evaluation import mean_and_error
from aevb_np.plotting import COLORS

plt.rcParams.update({"figure.dpi": 80, "figure.constrained_layout.use": True,
                     "axes.titlelocation": "left",
                     "axes.titlesize": 11, "axes.spines.top": False, "axes.spines.right": False})
# less training and fewer draws, to see that every cell runs
FAST = os.environ.get("AEVB_FAST") == "1"

# %% [markdown]
# ## The units
#
# $$\mathcal{L} = -D_{KL}\big(q(z|x)\,\|\,p(z)\big) + \mathrm{E}_q[\log p(x|z)] \qquad (3)$$
#
# Both terms are logarithms of probabilities, to the base e: **nats**. The package sums over the 784 pixels and the J
# latent numbers, and then takes means over images: nats per image.
#
# **Before you run:** a model that gives every pixel the probability 1/2 knows nothing. What is its bound? How much of
# the distance from there to 0 does a few seconds' training cover?

# %%
digits = data.digits(n_train=2_000, n_test=500)
x_test = digits.scale(digits.x_test)
J, D = 5, 784


def noise(draw, rows):
    return stream("evaluate", 7, draw).standard_normal((rows, J), dtype=np.float32)


run = aevb_np.start(digits, latent=J, hidden=100, step=0.05, warmup=20)
AGES, spreads = (0, 4_000, 10_000) if FAST else (0, 20_000, 100_000), {}
for age in AGES:
    for _ in run.train(age):
        pass
    repeats = [evaluation.terms(run.model, run.p.theta, run.p.phi, x_test, noise(r, 500))
               for r in range(50 if FAST else 200)]
    # (repeats, A or B, images)
    spreads[age] = np.array([(one.bound_a, one.bound_b) for one in repeats], np.float64)
terms = repeats[0]
nothing = -D * math.log(2)
table = {"reconstruction": terms.log_px, "KL": terms.kl.sum(axis=1), "bound (B)": terms.bound_b}
print(f"{'knowing nothing':15} {nothing:8.2f} nats per image = -784 log 2")
for name, values in table.items():
    mean, error = mean_and_error(values)
    print(f"{name:15} {mean:8.2f} +- {error:.2f} nats per image; {mean / D:7.4f} nats or "
          f"{mean / D / math.log(2):7.4f} bits per pixel; {500 * mean:,.0f} nats for 500 images")
assert np.isclose(table["reconstruction"].mean() - table["KL"].mean(), table["bound (B)"].mean(),
                  rtol=1e-5)
assert table["bound (B)"].mean() > nothing / 2

# %% [markdown]
# -543.43 nats, and the training covers 401 of the 543. One bound can be a fraction or tens of thousands. Before you
# compare two bounds, ask per what, and to which base.
#
# ## The KL, three ways
#
# $-D_{KL}$ is the term with a closed form, Appendix B. Take one latent number with $q = N(1,\ 0.5^2)$.
#
# **Before you run:** the KL is never negative. Is a single draw of $\log q(z) - \log p(z)$, whose mean it is?

# %%
mu, log_var = np.array([[1.0]]), np.array([[2 * math.log(0.5)]])
closed = gaussian_kl(mu, log_var)[0][0]
print(f"closed form            {closed:.9f}")

grid = np.linspace(-8, 10, 1801)[:, None]  # 0.01 apart
log_q, log_p = gaussian_log_prob(grid, mu, log_var)[0], standard_normal_log_prob(grid)[0]
summed = 0.01 * np.exp(log_q) @ (log_q - log_p)
print(f"sum over a grid        {summed:.9f}")

for draws in (100, 10_000, 100_000 if FAST else 1_000_000):
    z, _ = gaussian(mu, log_var, stream("noise", 0, draws).standard_normal((draws, 1)))
    ratio = gaussian_log_prob(z, mu, log_var)[0] - standard_normal_log_prob(z)[0]
    mean, error = mean_and_error(ratio)
    print(f"mean of {draws:9,} draws {mean:7.4f} +- {error:.4f}   exact {closed:.4f}"
          f"   {(ratio < 0).mean():4.0%} of them negative")
    assert abs(mean - closed) < 5 * error
assert abs(summed - closed) < 1e-9

# %% [markdown]
# Yes: one draw in nine is negative. A hundred times as many draws have a tenth of the error. The closed form needs
# none.
#
# **Before you run:** on the map of the KL over $\mu$ and $\sigma$, where is 0? Is halving $\sigma$ as dear as doubling
# it? And where will the trained encoder have put its five latent numbers?

# %%
mus, sigmas = np.linspace(-4.5, 4.5, 121), np.geomspace(0.05, 3, 121)
flat = [array.reshape(-1, 1) for array in np.meshgrid(mus, 2 * np.log(sigmas))]
landscape = gaussian_kl(*flat)[0].reshape(121, 121)
codes, code_log_var = run.encode(x_test[:60])
figure, axes = plt.subplots(figsize=(6.2, 4))
lines = axes.contour(mus, sigmas, landscape, levels=[0.02, 0.25, 1, 2, 4, 8], colors="black",
                     linewidths=1)
spread = np.exp(code_log_var / 2)
axes.plot(codes.ravel(), spread.ravel(), ".", color="0.6", markersize=5,
          label="encoder: 60 images, 5 each")
axes.plot(0, 1, "*", color="black", markersize=11, label="the prior: KL = 0")
places = [(math.sqrt(2 * level), 1) for level in lines.levels[1:]]
for text in axes.clabel(lines, lines.levels[1:], fmt="%g", fontsize=9, manual=places):
    text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
axes.set(yscale="log", xlabel=r"$\mu$", ylabel=r"$\sigma$",
         title="KL of one latent number from the prior, in nats")
axes.set_yticks([0.05, 0.1, 0.2, 0.5, 1, 2], ["0.05", "0.1", "0.2", "0.5", "1", "2"])
axes.minorticks_off()
figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
plt.show()
for factor in (0.5, 2):
    kl = gaussian_kl(np.zeros((1, 1)), np.full((1, 1), 2 * math.log(factor)))[0][0]
    print(f"mu = 0, sigma = {factor:3}: KL {kl:.3f}")
print(f"the encoder's mean KL per latent number: {terms.kl.mean():.2f}")
assert landscape.min() >= 0

# %% [markdown]
# The KL is 0 at the prior alone. Doubling $\sigma$ costs 0.807 nats and halving it 0.318. The encoder has put its
# numbers near $\sigma = 0.2$, with $\mu$ from -3 to 4. It pays 1.8 nats for each number, to raise the other term.
#
# ## Likelihoods without overflow
#
# Eq. (11): $\log p(x|z) = \sum_i x_i \log y_i + (1 - x_i) \log(1 - y_i)$ with $y = 1/(1 + e^{-a})$. Take a white pixel,
# $x = 0$: the term is $\log(1 - y)$, nearly $-a$ for large $a$.
#
# **Before you run:** float32 has seven digits. From which logit on is $y = 1$ exactly, and the term $-\infty$? What
# does the usual remedy do, to keep y between $10^{-7}$ and $1 - 10^{-7}$?

# %%
def naive(a, clip=0.0):
    y = 1 / (1 + np.exp(-a))
    with np.errstate(divide="ignore"):
        return np.log(1 - np.clip(y, a.dtype.type(clip), 1 - a.dtype.type(clip)))


a = np.linspace(0, 45, 451)
ways = {"as written, float32": naive(a.astype(np.float32)), "as written, float64": naive(a),
        "clipped, float32": naive(a.astype(np.float32), 1e-7),
        "the package's, float32": bernoulli_log_prob(np.zeros((451, 1)),
                                                     a[:, None].astype(np.float32))[0]}
figure, axes = plt.subplots(figsize=(6.2, 3.6))
LOOKS = ((":", 3, COLORS[0]), ("--", 3, COLORS[1]), ("-.", 2, COLORS[2]), ("-", 1, "black"))
for (name, values), (style, width, color) in zip(ways.items(), LOOKS):
    finite = np.isfinite(values)
    axes.plot(a[finite], values[finite], style, color=color, linewidth=width, label=name)
    if not finite.all():
        axes.plot(a[finite][-1], values[finite][-1], "X", color=color, markersize=9)
        axes.annotate(f"{values.dtype} ends", (a[finite][-1], values[finite][-1]), (-8, -4),
                      textcoords="offset points", ha="right", va="top", fontsize=9)
        print(f"{name}: -inf from a = {a[~finite][0]:.1f} on")
axes.set(xlabel="logit a of a pixel with x = 0", ylabel="log(1 - y), in nats",
         title="The formula ends (cross) or goes flat where it matters most")
axes.legend(frameon=False, fontsize=9)
plt.show()

# %%
at_30 = np.full((1, 1), 30, np.float32)
moved = naive(at_30 + 1, 1e-7) - naive(at_30, 1e-7)
slope = bernoulli_log_prob(0 * at_30, at_30)[1](np.ones(1)).item()
print(f"clipped: the slope at a = 30 is {moved.item():.0f}; the package's: {slope:.0f}")
print("1 - 1e-8 in float32:", 1 - np.float32(1e-8), "so that a clip at 1e-8 does nothing")
assert np.isfinite(ways["the package's, float32"]).all() and moved == 0

# %% [markdown]
# From 16.7 on, and from 36.8 in float64. Clipping hides it: the value stays finite, but the slope is 0, and the pixel
# that is most wrong gets no gradient at all. Written with the logit, nothing is lost:

# %%
print(inspect.getsource(bernoulli_log_prob).split('"""')[-1])
print(inspect.getsource(numerics.softplus).split('"""')[-1])

# %% [markdown]
# The second trap is a probability instead of its logarithm.
#
# **Before you run:** a hundred draws of z give an image -148 to -131 nats each. What is the mean of $e^{\log p}$ in
# float32?

# %%
draws = np.repeat(x_test[:1], 100, axis=0)
z = run.model.encoder.sample(run.p.phi, draws, stream("evaluate", 3))
log_px = run.model.decoder.log_prob(run.p.theta, draws, z)[0]
with np.errstate(divide="ignore"):
    plain = np.log(np.exp(log_px).mean())
print(f"log p(x|z) from {log_px.min():.1f} to {log_px.max():.1f}, {log_px.dtype}")
print(f"log of the mean of exp: {plain}   log_mean_exp: {numerics.log_mean_exp(log_px):.3f}")
print(f"the smallest float32 is exp({math.log(np.finfo(np.float32).smallest_subnormal):.1f}), "
      f"the smallest float64 exp({math.log(np.finfo(np.float64).smallest_subnormal):.1f})")
assert plain == -np.inf and np.isfinite(numerics.log_mean_exp(log_px))

# %% [markdown]
# Zero. The image's probability is too small for float32, and at this rate a pixel that of 70 x 70 pixels is too small
# for float64: keep logarithms, and take the largest out before you sum.
#
# ## Probes
#
# A wrong bound trains too, only worse, and a gradient check finds nothing: its gradient is the right one for the wrong
# value. But some values are known before anything is computed:
#
# - all parameters 0: every y is 1/2 and q is the prior, so the bound is $-D \log 2$ a row;
# - a decoder of zeros, and $\mu = 1$, $\log\sigma^2 = 1$ from biases alone: the KL is $J (e - 1)/2$ a row;
# - $\epsilon = 1$: z is $\mu$ shifted by $\sigma$;
# - the bound of a batch is the sum of its rows' alone;
# - a batch stacked on itself doubles it.
#
# **Before you run:** nine slips that people make. Which probe will see which?

# %%
model = problem.model_of("bernoulli")
at = problem.point(model, samples=1)  # random parameters, x of (7, 11) and eps of (7, 5)
RIGHT = {"z": lambda mu, s, eps: gaussian(mu, s, eps)[0],
         "log_px": lambda x, logits: bernoulli_log_prob(x, logits)[0],
         "kl": lambda mu, s: gaussian_kl(mu, s)[0], "fold": np.sum}
SLIPS = {
    "none": {},
    "mean over the pixels": {"log_px": lambda x, logits: RIGHT["log_px"](x, logits) / x.shape[1]},
    "sigmoid twice": {"log_px": lambda x, logits: RIGHT["log_px"](x, sigmoid(logits)[0])},
    "mean over the z in the KL": {"kl": lambda mu, s: RIGHT["kl"](mu, s) / mu.shape[1]},
    "the KL with the wrong sign": {"kl": lambda mu, s: -RIGHT["kl"](mu, s)},
    r"$\log\sigma^2$ read as $\log\sigma$ in the KL": {"kl": lambda mu, s: RIGHT["kl"](mu, 2 * s)},
    r"$\sigma$ = exp(log_var) in the sample": {"z": lambda mu, s, eps: mu + np.exp(s) * eps},
    r"no noise: z = $\mu$": {"z": lambda mu, s, eps: mu},
    "one noise for all rows": {"z": lambda mu, s, eps: mu + np.exp(s / 2) * eps[:1]},
    "mean over the rows": {"fold": np.mean},
}

# %%
def value(part, x=at.x, eps=at.eps, p=at.p):
    (mu, s), _ = model.encoder.forward(p.phi, x)
    logits, _ = model.decoder.forward(p.theta, part["z"](mu, s, eps))
    return part["fold"](part["log_px"](x, logits) - part["kl"](mu, s))


zeros, biases = aevb_np.Params(model.shapes), aevb_np.Params(model.shapes)
biases.phi.mean.b[...] = biases.phi.log_var.b[...] = 1
M, flat = len(at.x), -at.x.size * math.log(2)
ones = np.ones_like(at.eps)
PROBES = {
    "all\nzero": lambda part: (value(part, p=zeros), flat),
    "biases\nalone": lambda part: (value(part, p=biases), flat - M * model.J * (math.e - 1) / 2),
    "$\\epsilon = 1$\nshifts": lambda part: (part["z"](ones, ones, ones), 1 + math.exp(0.5)),
    "rows\nalone": lambda part: (value(part),
                                 sum(value(part, at.x[m:m + 1], at.eps[m:m + 1])
                                     for m in range(M))),
    "stack\ndoubles": lambda part: (value(part, np.tile(at.x, (2, 1)), np.tile(at.eps, (2, 1))),
                                    2 * value(part)),
}
seen = np.array([[not np.allclose(*probe(RIGHT | slip), rtol=1e-12) for probe in PROBES.values()]
                 for slip in SLIPS.values()])
assert not seen[0].any() and seen[1:].any(axis=1).all() and seen.any(axis=0).all()
assert np.isclose(value(RIGHT), aevb_np.sgvb_b(model, at.p.theta, at.p.phi, at.x, at.eps)[0].sum(),
                  rtol=1e-13)

# %%
figure, axes = plt.subplots(figsize=(6.4, 4))
for (row, column), found in np.ndenumerate(seen):
    axes.plot(column, row, "s" if found else ".", color="black" if found else "0.75",
              markersize=15 if found else 5)
axes.set(xticks=range(len(PROBES)), xticklabels=PROBES, yticks=range(len(SLIPS)), yticklabels=SLIPS,
         xlim=(-0.6, len(PROBES) - 0.4), ylim=(len(SLIPS) - 0.5, -0.6),
         title="Which probe (column) sees which slip (square)")
axes.tick_params(length=0)
axes.spines[:].set_visible(False)
plt.show()

# %% [markdown]
# Every slip is seen by one probe at least. At zero the KL is 0 with any factor and any sign. So a probe with zeros sees
# no slip in the KL, and the biases are needed. (A mean over the rows is no fault, if you know that you took it.)
#
# **Before you run:** what does the first slip cost, a mean over the 784 pixels and a KL left whole? We train with it,
# on as many images as above. What becomes of the KL?

# %%
def mean_over_pixels(model, theta, phi, x, eps):
    """log p(x|z) / D - KL, from estimator B: its gradient is the right one for this value."""
    bound, back_bound = aevb_np.sgvb_b(model, theta, phi, x, eps)
    (mu, log_var), back_encode = model.encoder.forward(phi, x)
    kl, back_kl = gaussian_kl(mu, log_var)

    def backward(d):
        back_bound(d / D)
        back_encode(*back_kl(d * np.float32(1 / D - 1)), inputs=False)

    return bound / D - kl * np.float32(1 - 1 / D), backward


wrong = run.model.init(stream("init", 0))
optimizer = aevb_np.Adagrad(step=0.05, warmup=20, epsilon=1e-8 / 100**2)
algorithm = aevb_np.AEVB(run.model, wrong, optimizer, N=2_000, estimator=mean_over_pixels,
                         prior="none")
batches = training.Minibatches(2_000, 100, seed=0)
for t in range(sum(AGES) // 100):
    algorithm.step(digits.scale(digits.x_train[batches.at(t)]), batches.at(t),
                   stream("noise", 0, t))
slipped = evaluation.terms(run.model, wrong.theta, wrong.phi, x_test, noise(0, 500))
for name, found in (("right", terms), ("slip", slipped)):
    bound, error = mean_and_error(found.bound_b)
    print(f"{name:6} bound {bound:.1f} +- {error:.1f} nats per image, "
          f"KL {found.kl.sum(axis=1).mean():.3f}")
assert slipped.kl.sum(axis=1).mean() < 0.1 * terms.kl.sum(axis=1).mean()

# %% [markdown]
# 50 nats. The KL goes to 0, for it weighs 784 times what it should: z says nothing about its image, and the decoder can
# only draw the mean of all images.
#
# ## The Gaussian decoder's term
#
# Eq. (12) for one pixel with residual $r = x - \mu$: $-\frac12(\log 2\pi + \log\sigma^2 + r^2/\sigma^2)$.
#
# **Before you run:** which $\sigma$ is best for a given r? And for r = 0? Can the term be positive?

# %%
sigma = np.geomspace(1e-3, 1, 301)
figure, axes = plt.subplots(figsize=(6.2, 3.4))
for r, style, color in zip((0.3, 0.1, 0.03, 0.0), ("-", "--", "-.", ":"), (*COLORS[:3], "black")):
    term = gaussian_log_prob(np.full((301, 1), r), np.zeros((301, 1)),
                             2 * np.log(sigma)[:, None])[0]
    axes.plot(sigma, term, style, color=color, label=f"r = {r:g}")
    if r:
        axes.plot(sigma[term.argmax()], term.max(), "o", color=color)
        assert abs(sigma[term.argmax()] / r - 1) < 0.02
axes.axhline(0, color="0.7", linewidth=1, zorder=0)
axes.set(xscale="log", ylim=(-6, 7), xlabel=r"the decoder's $\sigma$",
         ylabel="log p(x|z) of a pixel, in nats",
         title=r"The best $\sigma$ is the residual (dots); without one there is no best")
axes.legend(frameon=False, fontsize=9)
plt.show()

rng = stream("data", 1)
x, mean, log_var = rng.random((1, D)), rng.random((1, D)), np.full((1, D), -2.0)
small = gaussian_log_prob(x, mean, log_var)[0][0]
large = gaussian_log_prob(255 * x, 255 * mean, log_var + 2 * math.log(255))[0][0]
print(f"pixels from 0 to 1: {small:.2f}; the same from 0 to 255: {large:.2f}; "
      f"between them {small - large:.4f}, 784 log 255 = {D * math.log(255):.4f}")
assert np.isclose(small - large, D * math.log(255))

# %% [markdown]
# The best $\sigma$ is $|r|$, and for r = 0 there is none. The term is the logarithm of a *density*: it is positive
# where the density is narrow, and without upper limit where a pixel is met exactly. In another unit of grey it differs,
# by 4,344 nats an image here. Bounds of Gaussian decoders compare only in the same unit.
#
# ## A and B
#
# Estimator A, eq. (6), samples the KL that B, eq. (7), has in closed form:

# %%
for estimator in (evaluation.Terms.bound_a, evaluation.Terms.bound_b):
    print(inspect.getsource(estimator.fget))

# %% [markdown]
# **Before you run:** one test image, thousands of draws of z, the model trained above. The paper says that B typically
# has less variance. Which histogram is narrower?

# %%
many = 2_000 if FAST else 10_000
one = evaluation.terms(run.model, run.p.theta, run.p.phi, np.repeat(x_test[:1], many, axis=0),
                       noise(999, many))
figure, axes = plt.subplots(figsize=(6.2, 3.2))
bins = np.linspace(*np.quantile(one.bound_b, (0.002, 1)), 60)
axes.hist(one.bound_b, bins, density=True, color="0.8", label="B")
axes.hist(one.bound_a, bins, density=True, histtype="step", color=COLORS[0], linewidth=2, label="A")
for values, style, color in ((one.bound_a, "-", COLORS[0]), (one.bound_b, "--", "black")):
    axes.axvline(values.mean(), linestyle=style, color=color, linewidth=1)
axes.set(xlabel="bound of one image from one draw, in nats", ylabel="density",
         title="The same mean (lines), two widths")
axes.legend(frameon=False, fontsize=9)
plt.show()
for name, values in (("A", one.bound_a), ("B", one.bound_b), ("A - B", one.bound_a - one.bound_b)):
    mean, error = mean_and_error(values)
    exact = "   exact 0" * (name == "A - B")
    print(f"{name:6} {mean:9.3f} +- {error:.3f}   standard deviation {values.std():.2f}{exact}")
assert abs(mean) < 5 * error

print("\n            standard deviation, all test images   images where A is quieter")
for age, bounds in zip(np.cumsum(AGES), spreads.values()):
    variance = bounds.var(axis=0, ddof=1)
    a, b = variance.mean(axis=1) ** 0.5
    quieter = (variance[0] < variance[1]).mean()
    print(f"after {age:7,} samples   A {a:6.3f}   B {b:6.3f}   {quieter:19.0%}")

# %% [markdown]
# A's, once the model is trained; at the start B's. To see why, take a model in which all is exact: $z \sim N(0, 1)$ and
# $x \sim N(z, 0.5^2)$, with x = 1.5. The posterior is a Gaussian, and we let q move from the prior to it.
#
# **Before you run:** with q *equal* to the posterior, what is $\log p(x, z) - \log q(z)$, for every z?

# %%
def both(t, eps):
    """A, B and their slopes in mu; q is a share t of the way from the prior to N(1.2, 0.2)."""
    mu, log_var = np.full_like(eps, 1.2 * t), np.full_like(eps, t * math.log(0.2))
    z, _ = gaussian(mu, log_var, eps)
    log_px, back = gaussian_log_prob(np.full_like(z, 1.5), z, np.full_like(z, 2 * math.log(0.5)))
    a = log_px + standard_normal_log_prob(z)[0] - gaussian_log_prob(z, mu, log_var)[0]
    dz = back(np.ones(len(z)))[1]
    return a, log_px - gaussian_kl(mu, log_var)[0], (dz - z)[:, 0], (dz - mu)[:, 0]


nodes, weights = np.polynomial.hermite_e.hermegauss(20)
weights /= weights.sum()
shares = np.linspace(0, 1, 41)
exact = np.sqrt([[weights @ (v - weights @ v) ** 2 for v in both(t, nodes[:, None])]
                 for t in shares])
eps = stream("noise", 4).standard_normal((many, 1))
figure, panels = plt.subplots(1, 2, figsize=(8.2, 3.3))
for axes, kind, pair in zip(panels, ("the value", r"its slope in $\mu$"), ((0, 1), (2, 3))):
    for k, name, style, color in zip(pair, "AB", ("-", "--"), (COLORS[0], "black")):
        axes.plot(shares, exact[:, k], style, color=color, label=name)
        axes.plot(shares[::8], [both(t, eps)[k].std() for t in shares[::8]], "o", color=color,
                  markersize=4)
    axes.set(title=f"{kind}", xlabel="q: from the prior (0) to the posterior (1)", ylim=(0, None))
panels[0].set_ylabel("standard deviation of one draw")
panels[0].legend(frameon=False, fontsize=9)
plt.show()

# %%
a, b, *_ = both(1.0, eps)
# x is N(0, 1.25) exactly
log_px = gaussian_log_prob(np.full((1, 1), 1.5), np.zeros((1, 1)),
                           np.full((1, 1), math.log(1.25)))[0][0]
mean, error = mean_and_error(b)
print(f"at the posterior A is {a.min():.9f} to {a.max():.9f}, B is {mean:.4f} +- {error:.4f}; "
      f"log p(x) = {log_px:.9f}")
assert np.ptp(a) < 1e-12 < b.std() and abs(a[0] - log_px) < 1e-12

# %% [markdown]
# *Standard deviations, exact (lines) and measured (dots).*
#
# It is $\log p(x)$, for every z: A has no noise there, for what its sampled KL adds cancels what the reconstruction
# does. B keeps the reconstruction's noise. But in the right panel A's *slope* is the noisier one all the way (on digits
# by a tenth of the variance, walkthrough 2), and training needs the slope: B to train with, and A to see how near q has
# come to the posterior.
#
# ## Summary
#
# - Nats per image: a sum over pixels and latent numbers, a mean over images.
# - The KL has a closed form; draws agree within their standard error, and single draws may be negative.
# - Work with logits and logarithms. Clipping hides an overflow and takes the gradient away.
# - Zeros, biases alone, $\epsilon = 1$, rows alone and a stacked batch find wrong terms that no gradient check sees.
# - A Gaussian decoder's term is a density: it has a unit and no upper limit.
# - A and B have one mean. B's gradient is quieter here; A's value is, near the posterior.
#
# Exercises that follow: **E1**, the stable log-likelihood, and **E2**, the KL. Walkthrough 4 derives the gradient of
# each of these terms.
