# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Is my gradient right?
#
# You will be able to choose a step for finite differences and say what it costs in digits, use the complex step, test a
# gradient of any size with a handful of values, read a report that says *where* a gradient is wrong, and name a
# mistake that no gradient check can see. Nothing is downloaded.

# %%
# %matplotlib inline
import inspect
import os
from unittest import mock

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import aevb_np
from aevb_np import estimators, numerics
from aevb_np.checks import check_gradients, check_sampler, check_vae, facts, numeric, problem

matplotlib.rcParams.update({"figure.dpi": 80, "font.size": 10, "axes.spines.top": False,
                            "axes.spines.right": False})
FAST = "AEVB_FAST" in os.environ  # less work, to see that every cell runs

# %% [markdown]
# ## Something to test
#
# A small model with the paper's network, random parameters, data and noise: seven datapoints, three samples of z each.
# With the noise given, the bound is an ordinary function of 289 numbers. Its gradient by hand is the package's.

# %%
model = problem.model_of("bernoulli")
at = problem.point(model)


def bound(p=at.p, x=at.x, eps=at.eps):
    return aevb_np.sgvb_b(model, p.theta, p.phi, x, eps)[0].sum()


at.p.grad[:] = 0
_, backward = aevb_np.sgvb_b(model, at.p.theta, at.p.phi, at.x, at.eps)
backward(np.ones(len(at.x)))
by_hand = at.p.grad.copy()
print(f"the bound of {len(at.x)} datapoints: {bound():.4f} nats; {by_hand.size} parameters")

# %% [markdown]
# ## Step sizes
#
# $(f(w+h) - f(w))/h$ is wrong by about $\frac12 h f''$, so h should be small. But $f(w+h)$ and $f(w)$ are known to 16
# digits only, their difference loses most of them, and division by h makes what is lost large: so h should not be too
# small. The central difference $(f(w+h) - f(w-h))/2h$ has an error of order $h^2$, Richardson's combination of h and 2h
# one of order $h^4$.
#
# **Predict.** Where is the best h for each, and how many digits does it get?

# %%
FORMULAS = {
    "forward": lambda f, h: (f(1) - f(0)) / h,
    "central": lambda f, h: (f(1) - f(-1)) / (2 * h),
    "Richardson": lambda f, h: (8 * (f(1) - f(-1)) - (f(2) - f(-2))) / (12 * h),
}


def differences(formula, h, p=at.p, value=bound):
    """The gradient in the decoder's first matrix; the formula sees the values at w + k h."""
    W = p.theta.hidden.W
    gradient = np.empty(W.shape)
    for index, kept in np.ndenumerate(W.copy()):

        def f(k):
            W[index] = kept + k * h
            return float(value())

        gradient[index] = formula(f, h)
        W[index] = kept
    return gradient

# %%
truth = at.p.theta.hidden.dW.copy()
steps = np.geomspace(1e-14, 0.3, 20 if FAST else 50)
errors = {name: [numeric.relative_error(differences(formula, h), truth) for h in steps]
          for name, formula in FORMULAS.items()}
complex_p = aevb_np.Params(model.shapes, at.p.flat.astype(complex))
errors["complex step"] = [
    numeric.relative_error(
        numeric.complex_step(lambda: bound(complex_p), complex_p.theta.hidden.W, h), truth)
    for h in steps
]
STYLE = {"forward": ("o", "-"), "central": ("s", "--"), "Richardson": ("^", "-."),
         "complex step": ("x", ":")}
figure, axes = plt.subplots(figsize=(6, 3.8), layout="constrained")
for (name, values), color in zip(errors.items(), ("0.6", "0.35", "0", "0")):
    marker, line = STYLE[name]
    axes.plot(steps, values, color=color, marker=marker, linestyle=line, markersize=4, label=name)
axes.set(xscale="log", yscale="log", ylim=(1e-17, 10), xlabel="step h (units of the parameter)",
         ylabel="relative error of the gradient",
         title="every difference has its best step; the complex step only needs a small one")
axes.legend(loc="upper center", ncols=2, frameon=False)
plt.show()
for name in FORMULAS:
    best = steps[np.argmin(errors[name])]
    print(f"{name:10} best error {min(errors[name]):.0e} at h = {best:.0e}")
assert min(errors["Richardson"]) < min(errors["central"]) < min(errors["forward"])
assert max(errors["complex step"][:len(steps) // 2]) < 1e-14

# %% [markdown]
# On the right the formula's error falls with its power of h, on the left rounding rises as 1/h. They meet near
# $10^{-7}$, $10^{-5}$ and $5\cdot10^{-4}$, with 7, 9 and 11 digits. And two gradients that have no mistake in common,
# the one by hand and the complex step's, agree to the last digit: both are right.
#
# ## Precision
#
# **Predict.** float32 has 7 digits instead of 16. Where is the best step now, and what is the best error?

# %%
single = aevb_np.Params(model.shapes, at.p.flat.astype(np.float32))
x32, eps32 = at.x.astype(np.float32), at.eps.astype(np.float32)
in_single = [
    numeric.relative_error(
        differences(FORMULAS["central"], h, single, lambda: bound(single, x32, eps32)), truth)
    for h in steps
]
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.plot(steps, errors["central"], color="0.35", marker="s", linestyle="--", markersize=4,
          label="float64")
axes.plot(steps, in_single, color="black", marker="D", linestyle="-", markersize=4, label="float32")
axes.set(xscale="log", yscale="log", ylim=(1e-11, 30), xlabel="step h (units of the parameter)",
         ylabel="relative error of the gradient", title="central differences in two precisions")
axes.legend(frameon=False)
plt.show()
print(f"best: {min(in_single):.0e} in float32, {min(errors['central']):.0e} in float64")
assert min(in_single) > 1e4 * min(errors["central"])

# %% [markdown]
# Near $10^{-2}$, with an error of $3\cdot10^{-4}$: three digits, too few to see a small mistake. With steps below
# $10^{-6}$ the bound does not change at all in float32, and the error is 1. Train in float32, check in float64.
#
# ## The complex step
#
# $f(w + ih) = f(w) + ih f'(w) - \frac12h^2f'' - \dots$: the imaginary part, divided by h, is the derivative, and
# nothing was subtracted. So h can be $10^{-30}$. The price: every function on the way must be a smooth function of
# complex numbers.

# %%
print(inspect.getsource(numeric.complex_step).split('"""')[-1])

# %% [markdown]
# **Predict.** softplus is often written $\max(a, 0) + \log(1 + e^{-|a|})$. What does the complex step make of `abs`?

# %%
with_abs = lambda a: np.maximum(a, 0) + np.log1p(np.exp(-abs(a)))  # noqa: E731
a = np.array([1.3 + 1e-30j])
slopes = {f.__name__: (f(a).imag / 1e-30)[0] for f in (with_abs, numerics.softplus)}
exact = numerics.sigmoid(1.3)
print(f"with abs {slopes['<lambda>']:.6f}, the package's {slopes['softplus']:.6f}, "
      f"sigmoid(1.3) = {exact:.6f}")
assert np.isclose(slopes["softplus"], exact) and not np.isclose(slopes["<lambda>"], exact)

# %% [markdown]
# `abs` gives a real number, and the derivative that went through it is lost without a message. The package computes
# softplus without `abs`.
#
# ## One number for an array, or one for each entry?
#
# Many recipes ask for the largest relative error of any entry, and for $10^{-7}$. Here is a right gradient, of a larger
# model, against good differences.
#
# **Predict.** Does it pass?

# %%
larger = aevb_np.VAE.bernoulli(D=64, H=6 if FAST else 30, J=4)
big = problem.point(larger, samples=1)
_, backward = aevb_np.sgvb_b(larger, big.p.theta, big.p.phi, big.x, big.eps)
backward(np.ones(len(big.x)))
right = big.p.grad.copy()
measured = numeric.richardson(
    lambda: aevb_np.sgvb_b(larger, big.p.theta, big.p.phi, big.x, big.eps)[0].sum(), big.p.flat
)
entries = np.abs(measured - right) / np.abs(right)
norm = numeric.relative_error(measured, right)
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
shown = slice(None, None, 3)  # a third of the points tells as much
axes.plot(np.abs(right[shown]), entries[shown], ".", color="0.45", markersize=3,
          label="one entry each (a third shown)")
axes.axhline(norm, color="black", linestyle="--", label=f"the whole vector: {norm:.0e}")
axes.axhline(1e-7, color="black", linestyle=":", label="a usual limit: 1e-07")
axes.set(xscale="log", yscale="log", xlabel="size of the entry (nats per unit of the parameter)",
         ylabel="relative error", title="small entries drown in rounding; the vector does not")
axes.legend(loc="upper right", frameon=True, edgecolor="none")
plt.show()
print(f"largest of {right.size:,} entries {entries.max():.0e}; norm {norm:.0e}; "
      f"beyond 1e-7: {(entries > 1e-7).sum()}")
assert norm < 1e-9 and entries.max() > 100 * norm

# %% [markdown]
# It fails, with 19 of 4,332 entries, and nothing is wrong with it. Rounding is the same for all entries, so what is
# small is relatively far off: the cloud slopes down. A norm for each array compares the rounding with the large
# entries.
#
# ## A gradient of any size
#
# One value for each of 815,824 parameters is too much. Along one direction v, partly random, two values do: if g is the
# gradient, the *symmetric remainder* $f(w+hv) - f(w-hv) - 2h\,g\cdot v$ falls as $h^3$; if not, as h.
#
# **Predict.** The one-sided $f(w+hv) - f(w) - h\,g\cdot v$ falls as $h^2$. A gradient is wrong by a thousandth: which
# of the two shows it first?

# %%
full = aevb_np.VAE.bernoulli(D=784, H=500, J=20)
p = full.init(aevb_np.stream("init", 0), np.float64)
p.flat *= 5  # N(0, 0.05^2): far from linear
rng = np.random.default_rng(0)
x, eps = rng.random((20, 784)), rng.standard_normal((20, 20))


def f(w=None):
    q = p if w is None else aevb_np.Params(full.shapes, w)
    return aevb_np.sgvb_b(full, q.theta, q.phi, x, eps)[0].mean()


aevb_np.sgvb_b(full, p.theta, p.phi, x, eps)[1](np.full(20, 1 / 20))
# not across the gradient
v = rng.standard_normal(p.flat.size) / p.flat.size**0.5 + p.grad / np.linalg.norm(p.grad)
hs = np.geomspace(1e-3, 1, 7 if FAST else 13)
ahead, behind, here = [f(p.flat + h * v) for h in hs], [f(p.flat - h * v) for h in hs], f()

# %%
figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
found = {}
for wrong, color, marker in ((0.0, "black", "o"), (1e-3, "0.5", "s")):
    slope = (1 + wrong) * p.grad @ v
    one_sided = np.abs(np.array(ahead) - here - hs * slope)
    symmetric = np.abs(np.array(ahead) - behind - 2 * hs * slope)
    found[wrong] = np.log2(symmetric[1] / symmetric[0]) / np.log2(hs[1] / hs[0])
    name = f"wrong by {wrong:g}" if wrong else "right"
    axes.plot(hs, symmetric, color=color, marker=marker, linestyle="-", label=f"{name}, symmetric")
    axes.plot(hs, one_sided, color=color, marker=marker, linestyle=":", markerfacecolor="white",
              label=f"{name}, one-sided")
axes.set(xscale="log", yscale="log", xlabel="step h along v", ylabel="remainder (nats)",
         title="815,824 parameters, one direction")
axes.legend(frameon=False)
plt.show()
print({f"wrong by {wrong:g}": f"slope {slope:.2f} at the smallest steps"
       for wrong, slope in found.items()})
assert found[0.0] > 2.5 and found[1e-3] < 1.5

# %% [markdown]
# The symmetric one. Below h = 0.1 its line for the wrong gradient leaves that for the right one, and bends from slope 3
# to slope 1. The one-sided lines part only at the smallest steps.
#
# ## A report
#
# `check_gradients` does what was said: central differences with Richardson, a norm for each array, and beside it the
# noise of the measurement.

# %%
arrays = {name: w.copy() for name, w, _ in at.p.arrays()}


def point_of(parameters, x=at.x, eps=at.eps):
    p = aevb_np.Params(model.shapes)
    for name, w, _ in p.arrays():
        w[...] = parameters[name]
    return problem.Point(p, x, eps)


def value(parameters, x=at.x, eps=at.eps):
    return bound(point_of(parameters, x, eps).p, x, eps)


def gradients(parameters, x=at.x, eps=at.eps):
    q = point_of(parameters).p
    aevb_np.sgvb_b(model, q.theta, q.phi, x, eps)[1](np.ones(len(x)))
    return {name: dw.copy() for name, _, dw in q.arrays()}


report = check_gradients(value, arrays, gradients)
print(report)
assert report.verdict == "right"

# %% [markdown]
# ## Ten bugs
#
# The gradient once more, in one piece, as a student writes it. Each bug replaces one text in it by another.
#
# **Predict.** For each bug: which arrays get a wrong gradient? The columns stand in the order of the way back.

# %%
ONE_PIECE = """
def written(p, x, eps):
    L, M = len(eps) // len(x), len(x)
    h = np.tanh(x @ p["phi.hidden.W"] + p["phi.hidden.b"])
    mu, log_var = (h @ p[f"phi.{head}.W"] + p[f"phi.{head}.b"] for head in ("mean", "log_var"))
    sigma = np.exp(log_var / 2)
    z = np.tile(mu, (L, 1)) + np.tile(sigma, (L, 1)) * eps
    g = np.tanh(z @ p["theta.hidden.W"] + p["theta.hidden.b"])
    y = numerics.sigmoid(g @ p["theta.logits.W"] + p["theta.logits.b"])

    dlogits = (np.tile(x, (L, 1)) - y) / L
    da_g = dlogits @ p["theta.logits.W"].T * (1 - g**2)
    dz = da_g @ p["theta.hidden.W"].T
    dmu = dz.reshape(L, M, -1).sum(axis=0) - mu
    dlog_var = (dz * eps).reshape(L, M, -1).sum(axis=0) * sigma / 2 - (sigma**2 - 1) / 2
    dh = dmu @ p["phi.mean.W"].T + dlog_var @ p["phi.log_var.W"].T
    da_h = dh * (1 - h**2)
    made_of = {"theta.logits": (g, dlogits), "theta.hidden": (z, da_g), "phi.mean": (h, dmu),
               "phi.log_var": (h, dlog_var), "phi.hidden": (x, da_h)}
    biases = {f"{layer}.b": d.sum(axis=0) for layer, (u, d) in made_of.items()}
    return biases | {f"{layer}.W": u.T @ d for layer, (u, d) in made_of.items()}
"""

# %%
TEN = {
    "y - x": ("(np.tile(x, (L, 1)) - y)", "(y - np.tile(x, (L, 1)))"),
    "mean for the biases": ("d.sum(axis=0) for", "d.mean(axis=0) for"),
    "weights by reshape": ("u.T @ d for", "(d.T @ u).reshape(u.shape[1], -1) for"),
    "no slope of tanh in the decoder": (" * (1 - g**2)", ""),
    "samples averaged twice": ("dz.reshape(L, M, -1).sum(axis=0)",
                               "dz.reshape(L, M, -1).mean(axis=0)"),
    "KL left out of mu": (".sum(axis=0) - mu", ".sum(axis=0)"),
    "half lost": ("* sigma / 2 -", "* sigma -"),
    "KL without half": ("- (sigma**2 - 1) / 2", "- (sigma**2 - 1)"),
    "only the mean head": (' + dlog_var @ p["phi.log_var.W"].T', ""),
    "bias of one row": ("d.sum(axis=0) for", "d[0] for"),
}


def gradients_with(find="", instead=""):
    assert ONE_PIECE.count(find) == 1 or not find
    names = {"np": np, "numerics": numerics}
    exec(ONE_PIECE.replace(find, instead) if find else ONE_PIECE, names)
    return names["written"]


# %%
planted = {name: gradients_with(*patch) for name, patch in TEN.items()}
order = [f"{layer}.{kind}"
         for layer in ("theta.logits", "theta.hidden", "phi.mean", "phi.log_var", "phi.hidden")
         for kind in "bW"]
correct = gradients(arrays)
off = np.array([[numeric.apart(planted[name](arrays, at.x, at.eps)[array], correct[array])
                 for array in order] for name in TEN])
figure, axes = plt.subplots(figsize=(8, 3.7), layout="constrained")
picture = axes.imshow(np.log10(np.maximum(off, 1e-16)), cmap="gray_r", vmin=-16, vmax=1,
                      aspect="auto")
for (row, column), error in np.ndenumerate(off):
    if error > 1e-6:
        axes.text(column, row, f"{error:.1g}", ha="center", va="center", fontsize=8, color="white")
axes.set_xticks(range(len(order)), [name.replace(".", "\n") for name in order], fontsize=8)
axes.set_yticks(range(len(TEN)), TEN)
axes.set(xlabel="array, in the order of the way back",
         title="relative error of each gradient, for each bug (white: right)")
axes.spines[:].set_visible(False)
plt.show()
assert (off.max(axis=1) > 1e-2).all()
assert all(numeric.apart(gradients_with()(arrays, at.x, at.eps)[array], correct[array]) < 1e-12
           for array in order)

# %% [markdown]
# A wrong delta darkens every column behind it, a wrong product only its own arrays, a wrong path only the encoder. The
# first dark column says where to look. From the pattern, from factors and from single rows the package's checker works
# out what it is.
#
# **Predict.** `half lost` is on the way through sigma. In which array does the report see the first fault? It tells the
# place; with `explain=2` also the name.

# %%
print(TEN["half lost"][0], "becomes", TEN["half lost"][1])


def examined(name):
    return check_vae(value, planted[name], names={array: array for array in arrays},
                     layout="(L*M, J)")


report = examined("half lost")
print(report.text(explain=0), f"\nwith explain=2: {report.top.text}")
assert report.verdict == "wrong" and report.wrong_arrays[0].startswith("phi.log_var")
print("\nthe first finding for each of the ten:")
for name in TEN:
    report = examined(name)
    print(f"{name:32} {report.top.text}")
    assert report.verdict == "wrong" and report.findings

# %% [markdown]
# The first fault of `half lost` is in `phi.log_var.b`, the first array behind the half that is missing: the factor 1/2
# is lost, so this path enters twice. The checker names all ten.
#
# ## What no gradient check sees
#
# A sampler that takes the variance for the standard deviation, with its own right backward.
#
# **Predict.** What does `check_gradients` say?

# %%
def variance_for_deviation(mu, log_var, eps):
    noise = np.exp(log_var) * eps  # sigma^2 eps
    return mu + noise, lambda dz: (dz, noise * dz)


with mock.patch.object(estimators, "gaussian", variance_for_deviation):
    verdict = check_gradients(value, arrays, gradients).verdict
    diagnosis = check_vae(value, gradients, names={array: array for array in arrays},
                          layout="(L*M, J)", explain=2)
print("check_gradients:", verdict)
print("check_vae:", diagnosis.top.text)
assert verdict == "right" and diagnosis.verdict == "wrong"

# %% [markdown]
# "Right": it *is* the gradient of a value, only not of the bound. `check_vae` compares the value with the bound too.
# Where there is no reference, facts of the mathematics help. The first: draws have the variance that q(z|x) says.

# %%
mu, log_var = np.full((20_000, 1), 0.5), np.full((20_000, 1), 1.2)
eps = np.random.default_rng(0).standard_normal((20_000, 1))
figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
bins = np.linspace(-10, 11, 64)
for sampler, label, style in ((aevb_np.gaussian, "sigma",
                               {"color": "0.75", "histtype": "stepfilled"}),
                              (variance_for_deviation, "sigma^2",
                               {"color": "black", "histtype": "step", "linestyle": "--"})):
    z = sampler(mu, log_var, eps)[0][:, 0]
    error = ((z - 0.5) ** 2).std() / len(z) ** 0.5
    axes.hist(z, bins, density=True, label=f"mu + {label} eps", **style)
    print(f"mu + {label:7} eps: variance {((z - 0.5) ** 2).mean():7.3f} +- {error:.3f} "
          f"(exact: {np.exp(1.2):.3f})")
line = np.linspace(-10, 11, 300)
axes.plot(line, np.exp(-((line - 0.5) ** 2) / (2 * np.exp(1.2))) / np.sqrt(2 * np.pi * np.exp(1.2)),
          color="black", label="q(z|x)")
axes.set(xlabel="z", ylabel="density (per unit of z)",
         title="20,000 draws, and the density that they should have")
axes.legend(frameon=False)
plt.show()
wrong = check_sampler(lambda mu, log_var, eps: variance_for_deviation(mu, log_var, eps)[0])
assert wrong.verdict == "wrong"

# %% [markdown]
# The second needs no density at all: estimators A and B, eq. (6) and (7), estimate the same number.
#
# **Predict.** Which of the two relies on z being drawn from q(z|x), and in which terms?

# %%
def a_minus_b(draws=4_000):
    """The mean difference of the estimators over fresh noise, and its standard error."""
    eps = np.random.default_rng(1).standard_normal((draws * len(at.x), model.J))
    both = [e(model, at.p.theta, at.p.phi, np.tile(at.x, (draws, 1)), eps)[0]
            for e in (aevb_np.sgvb_a, aevb_np.sgvb_b)]
    difference = (both[0] - both[1]).reshape(draws, -1).mean(axis=1)
    return difference.mean(), difference.std(ddof=1) / draws**0.5


for label, sampler in (("right", aevb_np.gaussian), ("wrong", variance_for_deviation)):
    with mock.patch.object(estimators, "gaussian", sampler):
        mean, error = a_minus_b()
        far = facts.a_minus_b(model, at.p, at.x, np.random.default_rng(2))
    print(f"{label} sampler: A - B = {mean:7.4f} +- {error:.4f} nats (exact: 0); "
          f"the worst datapoint is {far:.1f} standard errors off")
    assert (abs(mean) < 5 * error) == (label == "right")

# %% [markdown]
# Both rely on it for the reconstruction. A also computes log p(z) - log q(z) at the draws, where B has the KL in closed
# form. With wrong draws that mean is not -KL any more, so A and B differ.
#
# ## Summary
#
# - Differences have a best step: near $10^{-7}$ forward, $10^{-5}$ central, $5\cdot10^{-4}$ with Richardson, in float64.
# - The complex step can be as small as one likes. The code must be without `abs` and the like.
# - One norm for each array, with the noise of the measurement beside it; never the worst entry alone.
# - At full size, the symmetric Taylor remainder: slope 3, or 1.
# - The first wrong array on the way back says where; its pattern says what.
# - A gradient check compares a value with its gradient. That the value is the bound must be checked by other means.
#
# Exercises that follow: E7, E8 and E9, which are checked in this way.
