# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Training: minibatches, Adagrad, L and M
#
# You will be able to write Algorithm 1 down, say what its gradient's noise is made of and how M and L change it, tell
# when one sample of z for each image is enough, and say why Adagrad forgives a step size that plain gradient ascent
# does not. The paper is Kingma and Welling, *Auto-Encoding Variational Bayes*; the equation numbers are its. Nothing
# is downloaded: the digits are drawn by the package.

# %%
# %matplotlib inline
import inspect
import os
import time

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

import aevb_np
from aevb_np import AEVB, data, training

matplotlib.rcParams.update({"figure.dpi": 80, "font.size": 10, "axes.spines.top": False,
                            "axes.spines.right": False})
FAST = "AEVB_FAST" in os.environ  # less training, to see that every cell runs
digits = data.digits(n_train=5_000, n_test=1_000)
N, M, J = 5_000, 100, 2
print(digits.describe())

# %% [markdown]
# ## Algorithm 1
#
# A minibatch of M images, noise, the gradient of the estimated bound, a step uphill; again. This is the body of the
# package's `AEVB.step`. What it ascends is eq. (8) divided by N: the mean bound of the minibatch, plus $\frac1N\log
# p(\theta, \varphi)$ for the prior on the parameters, which pulls every weight a little towards 0.

# %%
print(inspect.getsource(AEVB.step).split('"""')[-1])

# %% [markdown]
# **Predict.** Here is the same with nothing around it. Will the parameters after 60 steps be those of
# `aevb_np.start(...).train(...)`, when every random number comes from (purpose, seed, step)?

# %%
def start(seed=0, hidden=100, **settings):
    adagrad = {} if "optimizer" in settings else {"step": 0.1, "warmup": 20}
    return aevb_np.start(digits, latent=J, hidden=hidden, seed=seed, **{**adagrad, **settings})


def trained(samples, **settings):
    run = start(**settings)
    for _ in run.train(samples):
        pass
    return run


model = aevb_np.VAE.bernoulli(D=784, H=100, J=J)
p = model.init(aevb_np.stream("init", seed=0))
adagrad = aevb_np.Adagrad(step=0.1, warmup=20, epsilon=1e-8 / M**2)
batches = training.Minibatches(N, M, seed=0)
with threadpool_limits(1, "blas"):  # as a run does: the same order of sums, the same bits
    for t in range(60):
        x = digits.scale(digits.x_train[batches.at(t)])
        eps = aevb_np.stream("noise", 0, t).standard_normal((M, J), dtype=np.float32)
        p.grad[:] = p.flat * np.float32(-1 / N)  # of the prior; backward adds the bound's
        bound, backward = aevb_np.sgvb_b(model, p.theta, p.phi, x, eps)
        backward(np.full(M, 1 / M, np.float32))
        adagrad.ascend(p.flat, p.grad)

run = trained(60 * M)
print(f"{p.flat.size:,} parameters, "
      f"the largest difference is {np.abs(p.flat - run.p.flat).max():.1e}")
assert np.array_equal(p.flat, run.p.flat)

# %% [markdown]
# Yes, to the last bit: these twelve lines are all there is to it.
#
# ## A minibatch is an estimate
#
# Eq. (8) says that a minibatch drawn at random estimates the whole data set's bound, and so its gradient.
#
# **Predict.** The whole data set's gradient, and the mean over the 50 minibatches of one epoch: how far apart are they,
# if each image keeps its noise? How far off is one minibatch?

# %%
all_eps = aevb_np.stream("noise", seed=1).standard_normal((N, J), dtype=np.float32)


def gradient(index):
    """The gradient of the mean bound of these images, each with its own noise, and their bounds."""
    p.grad[:] = 0
    bound, backward = aevb_np.sgvb_b(model, p.theta, p.phi, digits.scale(digits.x_train[index]),
                                     all_eps[index])
    backward(np.full(len(index), 1 / len(index), np.float32))
    return p.grad.astype(np.float64), bound.mean(dtype=np.float64)


whole, exact = gradient(np.arange(N))
parts, bounds = zip(*(gradient(batches.at(t)) for t in range(N // M)))
size = np.linalg.norm(whole)
of_epoch = np.linalg.norm(np.mean(parts, axis=0) - whole) / size
print(f"mean over an epoch: {of_epoch:.0e} off, of the gradient's length")
print(f"one minibatch:      {np.mean([np.linalg.norm(g - whole) for g in parts]) / size:.2f} off")
independent = [gradient(aevb_np.stream("minibatch", 9, t).integers(N, size=M))[1]
               for t in range(50)]
error = np.std(independent, ddof=1) / 50**0.5
print(f"bound from 50 minibatches drawn at random: {np.mean(independent):.2f} +- {error:.2f} nats "
      f"(exact: {exact:.2f})")
assert of_epoch < 1e-4
assert abs(np.mean(independent) - exact) < 5 * error

# %% [markdown]
# The mean over an epoch is off by rounding alone, $9\cdot10^{-7}$ of the length, for the errors of its minibatches
# cancel. One minibatch is off by 12 % of the length.
#
# ## Where the noise comes from
#
# Images differ, and for each image $\epsilon$ differs. If one image with one sample has the gradient variance
# $V_x + V_\epsilon$ (summed over all parameters), a minibatch has
#
# $$V(M, L) = \frac1M\Big(V_x + \frac{V_\epsilon}{L}\Big).$$
#
# **Predict.** To halve the noise, would you double M or L?

# %%
def noise_of(run, images=100 if FAST else 300):
    """V_x, V_eps and the mean gradient's squared length, by two draws of eps for each image."""
    rng, p = np.random.default_rng(0), run.p
    index = rng.choice(N, images, replace=False)
    squares = between = total = 0.0
    for x in digits.scale(digits.x_train[index]):
        pair = []
        for _ in range(2):
            p.grad[:] = 0
            eps = rng.standard_normal((1, J), dtype=np.float32)
            aevb_np.sgvb_b(run.model, p.theta, p.phi, x[None], eps)[1](np.ones(1, np.float32))
            pair.append(p.grad.astype(np.float64))
        difference = pair[0] - pair[1]
        between += difference @ difference / 2
        squares += (pair[0] @ pair[0] + pair[1] @ pair[1]) / 2
        total = total + sum(pair) / 2
    V_eps, mean = between / images, total / images
    variance = (squares / images - mean @ mean) * images / (images - 1)
    return variance - V_eps, V_eps, mean @ mean - variance / images

# %%
AGES = (0, 10_000, 40_000) if FAST else (0, 10_000, 40_000, 100_000, 400_000)
run, table = start(), {}
for age in AGES:
    for _ in run.train(age):
        pass
    table[age] = noise_of(run)
    if age == 40_000:
        p_40k = run.p.flat.copy()
    V_x, V_eps, signal = table[age]
    print(f"after {age:>7,} samples: V_x {V_x:8.0f}   V_eps {V_eps:8.0f}   "
          f"|mean gradient|^2 {signal:7.0f}")

# %% [markdown]
# First we test the formula, at the parameters after 40,000 samples: minibatches of several sizes, with one sample of z
# for each image and with five.

# %%
def spread(M, L, repeats=20 if FAST else 60):
    """The variance of the minibatch gradient, summed over the parameters."""
    rng, p = np.random.default_rng(M + L), run.p
    total, squares = 0.0, 0.0
    for _ in range(repeats):
        p.grad[:] = 0
        x = digits.scale(digits.x_train[rng.integers(N, size=M)])
        eps = rng.standard_normal((L * M, J), dtype=np.float32)
        aevb_np.sgvb_b(run.model, p.theta, p.phi, x, eps)[1](np.full(M, 1 / M, np.float32))
        g = p.grad.astype(np.float64)
        total, squares = total + g, squares + g @ g
    return (squares - total @ total / repeats) / (repeats - 1)

# %%
now = run.p.flat.copy()
run.p.flat[:] = p_40k
sizes = np.array([10, 30, 100, 300])
V_x, V_eps, signal = table[40_000]
figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
for L, marker, line, face in ((1, "o", "-", "black"), (5, "s", "--", "white")):
    formula, seen = (V_x + V_eps / L) / sizes, np.array([spread(M, L) for M in sizes])
    axes.plot(sizes, formula, color="0.5", linestyle=line, label=f"formula, L = {L}")
    axes.plot(sizes, seen, marker, color="black", markerfacecolor=face, label=f"measured, L = {L}")
    assert (np.abs(np.log(seen / formula)) < np.log(2)).all()
axes.axhline(signal, color="black", linestyle=":", linewidth=1)
axes.text(310, signal, "the mean gradient, squared", va="bottom", ha="right", fontsize=9)
axes.set(xscale="log", yscale="log", xticks=sizes, xticklabels=sizes,
         xlabel="images in a minibatch, M",
         ylabel="variance of the gradient", title="M divides all of the noise, L a part of it")
axes.minorticks_off()
axes.legend(frameon=False)
plt.show()
run.p.flat[:] = now

# %% [markdown]
# M: it divides both parts, L only one. Now the noise at several ages of the model.
#
# **Predict.** Which share of the noise does $\epsilon$ have at the start, and later? What can L = 5 gain at most? And
# how many times as long does a step with L = 5 take?

# %%
figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
place = np.arange(len(AGES))
columns = np.array([table[age] for age in AGES]).T
for values, line, face, label in ((columns[2], "-^", "black", "the mean gradient, squared"),
                                  (columns[0] / M, "--o", "black",
                                   f"noise of the images, V_x / {M}"),
                                  (columns[1] / M, ":s", "white",
                                   f"noise of eps, V_eps / {M}, for L = 1")):
    axes.plot(place, values, line, color="black", markerfacecolor=face, label=label)
axes.set(yscale="log", xlabel="samples seen", ylabel="square of the gradient",
         title="signal and noise in a minibatch of 100")
axes.set_xticks(place, [f"{age:,}" for age in AGES])
axes.legend(frameon=False, loc="lower right")
plt.show()
gain = [1 - (V_x + V_eps / 5) / (V_x + V_eps) for V_x, V_eps, _ in table.values()]
print("L = 5 takes away",
      ", ".join(f"{100 * share:.0f} % (after {age:,})" for share, age in zip(gain, AGES)),
      "of the variance")
assert max(gain) < 0.8 and columns[2][1] > (columns[0] + columns[1])[1] / M

# %%
def seconds(L, repeats=20):
    """The shortest of some steps on 100 images, from new parameters."""
    new, times = model.init(aevb_np.stream("init", 0)), []
    method = AEVB(model, new, aevb_np.Adagrad(step=0.01), N, L=L)
    for t in range(repeats):
        before = time.perf_counter()
        method.step(digits.scale(digits.x_train[:M]), np.arange(M), aevb_np.stream("noise", 0, t))
        times.append(time.perf_counter() - before)
    return min(times)


print(f"a step with L = 5 takes {seconds(5) / seconds(1):.1f} times as long as with L = 1")

# %% [markdown]
# At the start $\epsilon$ has a tenth of the noise; from 10,000 samples on it has about two fifths. L = 5 then takes 29
# to 33 % of the variance away, and a step takes more than three times as long. M = 500 needs five times the work of M =
# 100 and takes 80 % away: more for the work. So one sample is enough once M is large, and the paper takes L = 1 and M =
# 100 (section 2.3). In such a minibatch the noise is below the signal at all ages, by a factor of six or more.
#
# ## Does it show in the bound?
#
# **Predict.** Four runs: M = 20 and 100, L = 1 and 5, all with as many images. Which lines will lie apart?

# %%
SEEDS, LENGTH = (2, 1.6e4) if FAST else (3, 6e4)
figure, axes = plt.subplots(figsize=(6, 3.8), layout="constrained")
ends = {}
for size, color in ((20, "0.55"), (100, "0")):
    for L, line, marker, face in ((1, "-", "o", color), (5, "--", "s", "white")):
        runs = [trained(LENGTH, seed=seed, minibatch=size, draws=L) for seed in range(SEEDS)]
        bounds = np.array([[row.test_bound for row in run.history] for run in runs])
        error = bounds.std(axis=0, ddof=1) / SEEDS**0.5
        ends[size, L] = bounds.mean(axis=0)[-1], error[-1]
        axes.errorbar([row.samples for row in runs[0].history], bounds.mean(axis=0), error,
                      color=color, linestyle=line,
                      marker=marker, markerfacecolor=face, capsize=3, label=f"M = {size}, L = {L}")
axes.set(xscale="log", xlabel="images seen", ylabel="test bound (nats per image)",
         title=f"mean of {SEEDS} seeds, with its standard error")
axes.set_xticks([row.samples for row in runs[0].history],
                [f"{row.samples:,}" for row in runs[0].history])
axes.minorticks_off()
axes.legend(frameon=False, loc="lower right")
plt.show()
for (size, L), (mean, error) in ends.items():
    print(f"M = {size:3}, L = {L}: {mean:.1f} +- {error:.1f} nats per image "
          f"after {LENGTH:,.0f} images")
assert ends[100, 5][0] - ends[100, 1][0] < 5

# %% [markdown]
# Those of M = 20 and of M = 100. The smaller M is ahead at the same number of images: it has made five times as many
# moves. L = 5 is ahead of L = 1 nowhere, neither with M = 100 nor with M = 20. At the end they differ by less than two
# standard errors of their difference.
# (`aevb figure grid` asks the same of MNIST with the paper's network.)
#
# ## Why Adagrad
#
# Adagrad gives each parameter its own step: $G \leftarrow G + g^2$, $w \leftarrow w + \eta\, g/\sqrt G$.
#
# **Predict.** Take the root mean square of the gradient, array by array. By what factor do the arrays differ?

# %%
rms = aevb_np.Params(run.model.shapes,
                     np.sqrt(run.trainer.optimizer.arrays["G"] / run.trainer.optimizer.t))
typical = {name: float(np.sqrt((w**2).mean())) for name, w, _ in rms.arrays()}
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
for name, value in typical.items():
    axes.plot(value, name, "o", color="black",
              markerfacecolor="white" if name.startswith("theta") else "black")
axes.grid(axis="y", color="0.9")
axes.set(xscale="log", xlabel="typical gradient (nats per unit of the parameter)",
         title="the gradient of each array (hollow: decoder, full: encoder)")
axes.invert_yaxis()
plt.show()
print(f"largest / smallest: {max(typical.values()) / min(typical.values()):.0f}")
assert max(typical.values()) > 10 * min(typical.values())

# %% [markdown]
# By more than 400. One step size for all of them is too long for some before it is long enough for others.
#
# **Predict.** Each optimiser has five step sizes, and 30,000 images for each. Which one comes near its best bound with
# step sizes that differ by a factor of ten?

# %%
STEPS = {"sgd": [1e-4, 1e-3, 3e-3, 1e-2, 3e-2], "adagrad": [3e-3, 1e-2, 3e-2, 0.1, 0.3],
         "adam": [1e-4, 1e-3, 1e-2, 3e-2, 0.1]}
figure, axes = plt.subplots(figsize=(6, 3.8), layout="constrained")
best = {}
for (name, step_sizes), marker, line in zip(STEPS.items(), "sod", ("-", "--", ":")):
    reached = {}
    for step in step_sizes:
        try:
            settings = {"warmup": 20} if name == "adagrad" else {}
            reached[step] = trained(6e3 if FAST else 3e4, optimizer=name, step=step,
                                    **settings).history[-1].train_bound
        except FloatingPointError as error:
            print(f"{name} {step:g}: {str(error)[:60]}...")
            axes.plot(step, -545, "kx", markersize=9)
    best[name] = max(reached, key=reached.get)
    print(f"{name:8}", ", ".join(f"{step:g}: {bound:.0f}" for step, bound in reached.items()))
    axes.plot(list(reached), list(reached.values()), color="black", linestyle=line, marker=marker,
              markerfacecolor="white", label=name)
axes.set(xscale="log", ylim=(-560, -140), xlabel="step size",
         ylabel="training bound (nats per image)",
         title="the bound after one short run for each step size (x: diverged)")
axes.legend(frameon=False, loc="center left")
plt.show()
print("best steps:", best)
assert best["sgd"] < best["adagrad"]

# %% [markdown]
# Adagrad and Adam. Adagrad's bounds from 0.03 to 0.3 lie within 10 nats, and so do Adam's from 0.01 to 0.1. Plain
# ascent is best at 0.01 and has diverged at 0.03. Adam is younger than the paper, and ahead here. The paper tries three
# steps, 0.01, 0.02 and 0.1, and looks at the first iterations only (section 5).
#
# ## The warm-up
#
# After a single gradient $g/\sqrt{g^2} = \pm1$. The author's code therefore gathers G for some steps before it moves.
#
# **Predict.** Without warm-up and with $\eta = 0.1$: how far does a weight move at first? All weights start near 0.01.

# %%
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
moved, lowest = {}, {}
for warmup, line, face in ((0, "-", "black"), (20, "--", "white")):
    run, bounds, seen = start(warmup=warmup), [], 0.0
    before = run.p.flat.copy()
    for _ in run.steps((warmup + 12) * M):
        if run.step <= warmup + 11:
            # the mean bound of this minibatch, before the move
            bounds.append(run.trainer.running_sum - seen)
            seen = run.trainer.running_sum
        if run.step == warmup + 1:
            moved[warmup] = np.median(np.abs(run.p.flat - before))
    lowest[warmup] = min(bounds)
    axes.plot(bounds[warmup:], color="black", marker="o", linestyle=line, markerfacecolor=face,
              label=f"warm-up of {warmup}")
axes.set(xlabel="moves made", ylabel="minibatch's bound (nats per image)",
         title="the first moves of Adagrad")
axes.legend(frameon=False, loc="lower right")
plt.show()
print("median length of the first move:",
      {warmup: f"{length:.4f}" for warmup, length in moved.items()})
assert moved[0] > 0.09 and moved[20] < 0.5 * moved[0] and lowest[0] < lowest[20]

# %% [markdown]
# By 0.1, ten times its own size, whether its gradient is large or small. The bound drops by thousands of nats before it
# recovers. With the warm-up the first move is a fifth as long, and the bound drops by hundreds of nats.
#
# ## Summary
#
# - Algorithm 1 is twelve lines. A minibatch estimates the mean bound without bias, and an epoch of them is exact.
# - The noise is $(V_x + V_\epsilon/L)/M$. M divides all of it and L a part, so spend on M first.
# - At the start images make nine tenths of the noise; later $\epsilon$ has two fifths. L = 5 made no bound better.
# - Gradients of different arrays differ by a factor of hundreds. Adagrad scales each, and so forgives the step size.
# - Its first move is equally long for every weight: hence the warm-up.
#
# Exercise that follows: E10, one Adagrad step.
