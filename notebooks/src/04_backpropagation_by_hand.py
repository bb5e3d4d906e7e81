# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Backpropagation by hand
#
# You will be able to write the gradient of every step of a variational auto-encoder yourself, chain the steps, check
# each of them against a measurement, and read the package's compact form as the same thing. The paper is Kingma and
# Welling, *Auto-Encoding Variational Bayes*; the equation numbers are its. Nothing is downloaded.
#
# Only one rule is needed. If a value $f$ depends on $u$ through $v$, and $\partial f/\partial v$ is known, then
# $\partial f/\partial u$ follows from $v(u)$ alone. Everything below is this rule, once for each step.

# %%
# %matplotlib inline
import inspect
import os
import time

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import aevb_np
from aevb_np import data, distributions, layers, numerics
from aevb_np.checks import numeric, problem

matplotlib.rcParams.update({"figure.dpi": 80, "font.size": 10, "axes.spines.top": False,
                            "axes.spines.right": False})
FAST = "AEVB_FAST" in os.environ  # less work, to see that every cell runs

# %% [markdown]
# ## A small model with awkward sizes
#
# Seven datapoints of eleven numbers, five latent dimensions, six hidden units in the encoder and eight in the decoder:
# no two sizes agree, so that a forgotten transpose cannot go unnoticed. The parameters are random and not small, for
# near zero every network is nearly linear and hides its mistakes. The symbols are those of eq. (11) and (12).

# %%
model = problem.model_of("bernoulli")
at = problem.point(model, samples=1)  # parameters, x and eps
M, D, J = *at.x.shape, model.J
theta, phi = at.p.theta, at.p.phi
given = {"x": at.x, "eps": at.eps, "W1": theta.hidden.W, "b1": theta.hidden.b, "W2": theta.logits.W,
         "b2": theta.logits.b, "W3": phi.hidden.W, "b3": phi.hidden.b,
         "W4": phi.mean.W, "b4": phi.mean.b,
         "W5": phi.log_var.W, "b5": phi.log_var.b}
print({name: array.shape for name, array in given.items()})

# %% [markdown]
# ## Forward, in atoms
#
# An atom is a step so small that its derivative is known by heart. Eleven of them make the bound by estimator B,
# eq. (7), with one sample of z for each datapoint. The names of an atom's arguments say what it is made of.
#
# **Predict.** Which of the intermediate values are used more than once? They will need care on the way back.

# %%
ATOMS = {
    "a_enc": lambda x, W3, b3: x @ W3 + b3,
    "h_enc": lambda a_enc: np.tanh(a_enc),
    "mu": lambda h_enc, W4, b4: h_enc @ W4 + b4,
    "log_var": lambda h_enc, W5, b5: h_enc @ W5 + b5,
    "z": lambda mu, log_var, eps: mu + np.exp(log_var / 2) * eps,
    "a_dec": lambda z, W1, b1: z @ W1 + b1,
    "h_dec": lambda a_dec: np.tanh(a_dec),
    "logits": lambda h_dec, W2, b2: h_dec @ W2 + b2,
    "log_px": lambda x, logits: (x * logits - numerics.softplus(logits)).sum(axis=1),
    "kl": lambda mu, log_var: 0.5 * (mu**2 + np.exp(log_var) - 1 - log_var).sum(axis=1),
    "bound": lambda log_px, kl: log_px - kl,
}

# %%
def names(function):
    return list(inspect.signature(function).parameters)


def forward(given):
    """All values. What is given is taken as it is, even in the place of an atom."""
    v = dict(given)
    for name, atom in ATOMS.items():
        if name not in v:
            v[name] = atom(*(v[need] for need in names(atom)))
    return v


v = forward(given)
bound, backward_of_the_package = aevb_np.sgvb_b(model, theta, phi, at.x, at.eps)
print("atoms  ", v["bound"].round(6), "\npackage", bound.round(6))
assert np.allclose(v["bound"], bound, rtol=1e-13)

# %% [markdown]
# The picture is drawn from the names above. Three values go two ways: `h_enc` feeds both heads, `mu` and `log_var`
# feed both the sample and the KL. So does x, but x is data and needs no gradient.

# %%
PLACE = {"x": (0, 0), "a_enc": (1.1, 0), "h_enc": (2.2, 0),
         "mu": (3.3, 0.45), "log_var": (3.3, -0.9), "eps": (3.3, 1.75),
         "z": (4.9, 1.1), "a_dec": (6, 1.1), "h_dec": (7.1, 1.1), "logits": (8.2, 1.1),
         "x again": (8.2, 2.1), "log_px": (9.7, 1.1), "kl": (6.2, -0.9), "bound": (10.7, 0)}
LABEL = {"mu": r"$\mu$", "log_var": r"$\log\sigma^2$", "eps": r"$\epsilon$",
         "log_px": r"$\log p(x|z)$", "kl": "KL",
         "a_enc": r"$a_{enc}$", "h_enc": r"$h_{enc}$", "a_dec": r"$a_{dec}$", "h_dec": r"$h_{dec}$",
         "x again": "x"}
figure, axes = plt.subplots(figsize=(9.6, 3.6), layout="constrained")
for name, place in PLACE.items():
    needs = names(ATOMS[name]) if name in ATOMS else []
    for need in needs:
        start = PLACE.get("x again" if (need, name) == ("x", "log_px") else need)
        if start:
            arrow = {"arrowstyle": "-|>", "shrinkA": 17, "shrinkB": 17, "color": "0.35"}
            axes.annotate("", place, start, arrowprops=arrow)
    box = {"boxstyle": "round,pad=0.35", "facecolor": "white" if needs else "0.88",
           "linestyle": "-" if needs else ":"}
    axes.text(*place, LABEL.get(name, name), ha="center", va="center", bbox=box)
    below = ["x".join(map(str, v[name.removesuffix(" again")].shape)),
             ", ".join(n for n in needs if n not in PLACE)]
    axes.text(place[0], place[1] - 0.24, "\n".join(below), ha="center", va="top", fontsize=8,
              color="0.25")
axes.set(xlim=(-0.5, 11.2), ylim=(-1.6, 2.4),
         title="the bound as a graph: each box an atom, below it its shape and its parameters")
axes.set_axis_off()
plt.show()

# %% [markdown]
# ## How to measure a gradient
#
# Before any derivation, something to hold it against. `measured` cuts the graph at one name, nudges that array, and
# sees how the sum of the bounds moves. The nudge is $10^{-30}i$: the imaginary part of the result, divided by
# $10^{-30}$, is the derivative to the last digit. (Walkthrough 5 explains; differences stand beside it here.)
#
# **Predict.** One logit of a pixel with x = 0.9, whose probability is y = 0.4 at present, goes up by 0.001. By how
# much does the bound change?

# %%
def measured(name):
    """The gradient of the sum of the bounds in one array, be it a parameter or an atom."""
    nudged = v[name].astype(complex)
    return numeric.complex_step(lambda: forward({**given, name: nudged})["bound"].sum(), nudged)


x, a = 0.9, np.log(0.4 / 0.6)  # sigmoid(a) = 0.4
log_p = [x * logit - numerics.softplus(logit) for logit in (a, a + 0.001)]
print(f"it changes by {log_p[1] - log_p[0]:.6f}, and 0.001 (x - y) = {0.001 * (x - 0.4):.6f}")

logits = v["logits"].copy()
differences = numeric.richardson(lambda: forward({**given, "logits": logits})["bound"].sum(),
                                 logits)
apart = numeric.apart(measured("logits"), differences)
print(f"complex step and differences are {apart:.0e} apart")
assert apart < 1e-9

# %% [markdown]
# ## The top of the graph
#
# So the gradient in a logit is x - y: what the data say less what the model says. An atom's rule takes the gradient of
# its output, `d`, and gives one gradient for each of its inputs. `backward` walks the atoms in reverse, and **adds**
# where several of them hand a gradient to the same name.

# %%
RULES = {
    "bound": lambda d: {"log_px": d, "kl": -d},
    "log_px": lambda d, x, logits: {"logits": d[:, None] * (x - numerics.sigmoid(logits))},
}


def backward(rules, v=v):
    """The gradient of the sum of the bounds in everything that the rules reach."""
    d = {"bound": np.ones(M)}
    for name in reversed(ATOMS):
        if name in rules and name in d:
            needs = (v[need] for need in names(rules[name])[1:])
            for into, gradient in rules[name](d[name], *needs).items():
                d[into] = d.get(into, 0) + gradient
    return d


def compare(*which):
    d = backward(RULES)
    for name in which:
        error = numeric.apart(d[name], measured(name))
        print(f"d{name:8} {d[name].shape!s:8} |by hand - measured| / |measured| = {error:.0e}")
        assert error < 1e-12, name


compare("log_px", "kl", "logits")

# %% [markdown]
# The same $x - y$ on images, with a model that has trained for a moment and still blurs: where the gradient is positive
# the decoder is asked for more ink, where negative for less. All learning starts from this picture.
#
# **Predict.** The model draws nearly the same smudge for every digit. Where will the gradient of the 7 be negative?

# %%
digits = data.digits(n_train=2_000, n_test=8)
run = aevb_np.start(digits, latent=5, hidden=50, step=0.05, warmup=20)
for _ in run.train(samples=6e3 if FAST else 2e4):
    pass
images = digits.scale(digits.x_test)
pictures = {"x": images, "y": run.reconstruct(images), "x - y": images - run.reconstruct(images)}
figure, grid = plt.subplots(3, 8, figsize=(6.4, 2.7), layout="constrained")
for line, (name, rows) in zip(grid, pictures.items()):
    low = -1 if name == "x - y" else 0
    for axes, row in zip(line, rows):
        axes.imshow(row.reshape(28, 28), cmap="gray_r", vmin=low, vmax=1)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
figure.suptitle("image, decoder's mean, gradient in the logits (black: more ink, white: less)",
                fontsize=10)
plt.show()

# %% [markdown]
# Where the smudge has ink and the 7 has none: left of its stem, and right of it at the bottom.
#
# ## Affine and tanh: the decoder
#
# **Predict.** $y = xW + b$ with x of 7 x 8 and W of 8 x 11. The gradient of W has W's shape. Which product of x and dy,
# both of which have seven rows, can have it? What happens to the seven rows in the gradient of b?
#
# And for $h = \tanh a$: what is $dh/da$, written with h alone?

# %%
def affine(W, b, x):
    """The rule of y = x W + b, with the names of its arguments left open."""
    return lambda d, weights, input: {W: input.T @ d, b: d.sum(axis=0), x: d @ weights.T}


RULES["logits"] = lambda d, W2, h_dec: affine("W2", "b2", "h_dec")(d, W2, h_dec)
RULES["h_dec"] = lambda d, h_dec: {"a_dec": d * (1 - h_dec**2)}
RULES["a_dec"] = lambda d, W1, z: affine("W1", "b1", "z")(d, W1, z)
compare("h_dec", "W2", "b2", "a_dec", "W1", "b1", "z")

# %% [markdown]
# Only `x.T @ dy` has 8 rows and 11 columns. In the gradient of b the seven rows are added up, for b is
# added to each of them. And $dh/da = 1 - h^2$. The decoder is done, and dz with it. Up to here this is any classifier's
# backpropagation.
#
# ## Through the sample
#
# $z = \mu + \sigma\epsilon$ with $\sigma = e^{\frac12\log\sigma^2}$: for given $\epsilon$ an ordinary function, which
# is the paper's idea. `mu` and `log_var` get a second gradient from the KL of Appendix B.
#
# **Predict.** What is $\partial z/\partial\log\sigma^2$? (Not $\epsilon$: that is the derivative in $\sigma$.) And at
# which mu and log_var is the gradient of the KL zero?

# %%
RULES["z"] = lambda d, log_var, eps: {"mu": d, "log_var": d * 0.5 * np.exp(log_var / 2) * eps}
RULES["kl"] = lambda d, mu, log_var: {"mu": d[:, None] * mu,
                                      "log_var": d[:, None] * 0.5 * (np.exp(log_var) - 1)}
compare("mu", "log_var")

# %% [markdown]
# It is $\frac12\sigma\epsilon$. The KL's gradient is zero where mu and log_var are 0, at the prior. The sign is right,
# for the rule of `bound` gives `kl` the gradient -1.
#
# ## The encoder
#
# **Predict.** dmu and dlog_var both lead back to h_enc. What is done with the two gradients?

# %%
RULES["mu"] = lambda d, W4, h_enc: affine("W4", "b4", "h_enc")(d, W4, h_enc)
RULES["log_var"] = lambda d, W5, h_enc: affine("W5", "b5", "h_enc")(d, W5, h_enc)
RULES["h_enc"] = lambda d, h_enc: {"a_enc": d * (1 - h_enc**2)}
# x is data: nobody wants its gradient
RULES["a_enc"] = lambda d, W3, x: {"W3": x.T @ d, "b3": d.sum(axis=0)}
compare("W4", "b4", "W5", "b5", "h_enc", "a_enc", "W3", "b3")

# %% [markdown]
# They add. That is the whole gradient: eleven rules, none longer than a line. Here are the deltas, the gradients
# in the atoms, in the order of the way back. Every delta has the shape of its value: a row for every datapoint.
#
# **Predict.** Row 3 of x is replaced by another datapoint. Which rows of these pictures change?

# %%
d = backward(RULES)
other_x = at.x.copy()
other_x[3] = 1 - other_x[3]
other = backward(RULES, forward({**given, "x": other_x}))
changed = np.flatnonzero(np.abs(d["a_enc"] - other["a_enc"]).sum(axis=1))
print("rows that change:", changed)
assert changed.tolist() == [3]

shown = ["logits", "h_dec", "a_dec", "z", "log_var", "mu", "h_enc", "a_enc"]
figure, grid = plt.subplots(1, len(shown), figsize=(9.6, 2.7), layout="constrained",
                            width_ratios=[d[name].shape[1] for name in shown])
for axes, name in zip(grid, shown):
    picture = axes.imshow(d[name], cmap="gray", vmin=-2, vmax=2, aspect="auto")
    axes.set(title=f"d{name}\n{d[name].shape[0]}x{d[name].shape[1]}", xticks=[], yticks=[])
    axes.title.set_fontsize(9)
grid[0].set(yticks=range(M), ylabel="datapoint (row)")
figure.supxlabel("the way back goes from left to right", fontsize=10)
figure.colorbar(picture, ax=grid, label="nats per unit of the value", extend="both")
plt.show()

# %% [markdown]
# Row 3 alone: datapoints meet only where parameters are, in the products `input.T @ d` that sum over the rows.
#
# ## The most common slip
#
# **Predict.** `d[into] = gradient` instead of adding. Which of the ten parameter gradients stay right?

# %%
def overwriting(rules):
    d = {"bound": np.ones(M)}
    for name in reversed(ATOMS):
        d.update(rules[name](d[name], *(v[need] for need in names(rules[name])[1:])))
    return d


slip = overwriting(RULES)
order = ["b2", "W2", "b1", "W1", "b4", "W4", "b5", "W5", "b3", "W3"]
truth = {name: measured(name) for name in order}
figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for answer, label, size, face in ((d, "adding", 5, "black"), (slip, "overwriting", 11, "none")):
    errors = [max(numeric.apart(answer[name], truth[name]), 1e-17) for name in order]
    axes.plot(order, errors, marker="o", linestyle="none", color="black", markerfacecolor=face,
              markersize=size, label=label)
axes.axvspan(3.5, 9.5, color="0.92", zorder=0)
axes.text(6.5, 1e-7, "encoder", ha="center", color="0.35")
axes.text(1.5, 1e-7, "decoder", ha="center", color="0.35")
axes.set(yscale="log", ylim=(1e-17, 10), ylabel="relative error",
         xlabel="parameter, in the order of the way back")
axes.legend(frameon=False, loc="upper left")
axes.set_title("the first wrong gradient stands just behind the fault", loc="left", fontsize=10)
plt.show()
assert numeric.apart(slip["W1"], truth["W1"]) < 1e-12
assert numeric.apart(slip["W4"], truth["W4"]) > 1e-2

# %% [markdown]
# The decoder's four: the way back comes to them before it comes to a value that is used twice. A fault spoils what lies
# behind it on the way back and nothing before it. This is how the package's checker finds the place.
#
# ## The compact form
#
# The package writes each rule below its forward, in the same scope: values that the way back needs are simply there.
# `backward` adds into the gradient's twin of every parameter (`dW` for `W`) and returns the gradient of the input.

# %%
for piece in (layers.affine, layers.tanh, distributions.gaussian_kl):
    print(inspect.getsource(piece))

# %% [markdown]
# A network chains layers, an estimator chains networks. Read the step numbers down, then up.

# %%
print(inspect.getsource(type(model.encoder).forward))
print(inspect.getsource(aevb_np.sgvb_b))

# %% [markdown]
# **Predict.** By how much will the package's gradient differ from ours?

# %%
at.p.grad[:] = 0
backward_of_the_package(np.ones(M))
twins = {"W1": theta.hidden.dW, "b1": theta.hidden.db, "W2": theta.logits.dW, "b2": theta.logits.db,
         "W3": phi.hidden.dW, "b3": phi.hidden.db, "W4": phi.mean.dW, "b4": phi.mean.db,
         "W5": phi.log_var.dW, "b5": phi.log_var.db}
print(f"{'':4}{'value':>9}{'gradient':>10}   ours - package")
for name, twin in twins.items():
    shapes = ["x".join(map(str, array.shape)) for array in (given[name], d[name])]
    print(f"{name:4}{shapes[0]:>9}{shapes[1]:>10}   {np.abs(d[name] - twin).max():.0e}")
    assert np.allclose(d[name], twin, rtol=1e-12, atol=1e-12)

# %% [markdown]
# By rounding alone, and every gradient has the shape of its parameter.
#
# ## What it buys
#
# The complex step needs one bound for *each* parameter; backpropagation needs a way forward and a way back for *all*.
#
# **Predict.** Forward, the model of 784-500-20 has two products with large matrices, 784 x 500 and 500 x 784; the other
# three matrices are small. On the way back each matrix needs two products, one for its own gradient and one for the
# gradient of its input, except that nobody wants the gradient in x. How many times as long as a bound does a bound with
# its gradient take?

# %%
large = aevb_np.VAE.bernoulli(D=784, H=500, J=20)
p = large.init(aevb_np.stream("init", 0))
x = np.random.default_rng(0).random((100, 784), dtype=np.float32)
eps = np.random.default_rng(1).standard_normal((100, 20), dtype=np.float32)


def seconds(work, repeats=5 if FAST else 20):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


value = seconds(lambda: aevb_np.sgvb_b(large, p.theta, p.phi, x, eps))
both = seconds(lambda: aevb_np.sgvb_b(large, p.theta, p.phi, x, eps)[1](np.ones(100, np.float32)))
print(f"{p.flat.size:,} parameters: a bound takes {1e3 * value:.1f} ms, "
      f"with its gradient {both / value:.1f} times that;")
print(f"one bound for each parameter would take {p.flat.size * value / 3600:.1f} hours "
      "for a single step")
assert both < 20 * value

# %% [markdown]
# About two and a half times: two large products forward, and three on the way back. The gradient in 815,824 numbers
# costs no more than a few bounds, and without this there would be no learning by gradients.
#
# ## Summary
#
# - Cut the bound into atoms; give each a rule from the gradient of its output to those of its inputs; walk back.
# - Affine: `x.T @ dy`, the sum over rows, `dy @ W.T`. Tanh: $1 - h^2$. Logits: $x - y$. Sample: $1$ and
#   $\frac12\sigma\epsilon$. KL: $\mu$ and $\frac12(\sigma^2 - 1)$.
# - Where a value is used twice, its gradients add.
# - A gradient has the shape of its value, and a fault spoils only what lies behind it.
#
# Exercises that follow: E4 (affine), E5 (tanh and the Bernoulli), E6 (the KL), E7 (the decoder), E8 (the encoder,
# through z), and E9, the same for a Gaussian decoder. Walkthrough 5 is about checking them.
