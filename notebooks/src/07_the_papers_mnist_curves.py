# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The paper's MNIST curves
#
# You will be able to read Figure 2 of the paper: what more latent dimensions buy, where training and test bound part,
# what wake-sleep loses. You will know what to expect of a run of your own at a given number of samples, and how far off
# is too far. The paper is Kingma and Welling, *Auto-Encoding Variational Bayes*.
#
# Three kinds of numbers stand side by side: the paper's, read off the vector graphics of its Figure 2 (to about 0.2
# nats); ours, from long runs whose table comes with the package; and two short runs, trained here. Nothing is
# downloaded: without MNIST on this machine, the short runs take the digits that the package draws, and say so.

# %%
# %matplotlib inline
import os
import statistics
import time

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import xlogy

import aevb_np
from aevb_np import data, evaluation
from aevb_np.experiments import expectation, paper, recipe

matplotlib.rcParams.update({"figure.dpi": 80, "font.size": 10, "axes.spines.top": False,
                            "axes.spines.right": False})
FAST = "AEVB_FAST" in os.environ  # less training, to see that every cell runs

# %% [markdown]
# ## What is there
#
# The paper's MNIST panels have 3, 5, 10, 20 and 200 latent dimensions (N_z there, J in the code), 500 hidden units,
# minibatches of 100. Of our runs, this is how far each has come.

# %%
SIZES, METHODS = (3, 5, 10, 20, 200), ("aevb", "wake-sleep")
SPLITS = {"train": "train_running", "test": "test_bound"}
groups = recipe.by_stem(expectation.our_curves())


def ours(J, method, split):
    """Samples and bounds of our first seed; none if there is no such run."""
    seeds = groups.get(f"mnist-{method}-{J}", [])
    rows = min(seeds, key=lambda rows: rows[0].seed) if seeds else []
    return {row.samples: getattr(row, SPLITS[split]) for row in rows}


def papers(J, method, split):
    return paper.curve(2, "mnist", J, method, split)


for method in METHODS:
    reach = {J: max(ours(J, method, "test"), default=0) for J in SIZES}
    print(f"{method:10} our runs reach, by J: "
          + ", ".join(f"{J}: {n:.3g}" if n else f"{J}: not yet" for J, n in reach.items()))
assert all(papers(J, method, split) for J in SIZES for method in METHODS for split in SPLITS)

# %% [markdown]
# ## More latent dimensions
#
# **Predict.** Each further dimension can carry information, and costs KL only if it does. Put the five test curves in
# order. Does J = 200 overfit?

# %%
DASHED = (0, (7, 1, 1, 1, 1, 1))
LOOK = {3: ("o", "-", "0"), 5: ("s", "--", "0"), 10: ("^", "-.", "0.4"), 20: ("D", ":", "0.4"),
        200: ("v", DASHED, "0")}


def draw(axes, J, method, split):
    """The paper's points, hollow, and our line through or beside them."""
    marker, line, color = LOOK[J]
    theirs = papers(J, method, split)
    mine = {n: y for n, y in ours(J, method, split).items() if n >= 1e5}
    axes.plot(list(theirs), list(theirs.values()), marker, color=color, markerfacecolor="white",
              markersize=6, label=f"J = {J}")
    axes.plot(list(mine), list(mine.values()), linestyle=line, color=color, linewidth=1.5)


figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for J in SIZES:
    draw(axes, J, "aevb", "test")
axes.set(xscale="log", xlim=(1e5, 3e8), ylim=(-175, -95), xlabel="training samples seen",
         ylabel="test bound (nats per image)",
         title="AEVB on MNIST: the paper's points, our lines as far as they go")
axes.legend(frameon=False, loc="lower right")
plt.show()
last = {J: papers(J, "aevb", "test")[250_000_000] for J in SIZES}
print("the paper after 2.5e8 samples:", last)
assert last[3] < last[5] < last[10] < min(last[20], last[200]) and abs(last[20] - last[200]) < 1

# %% [markdown]
# More dimensions are better up to 20: the steps from 3 to 5, 10 and 20 gain 14.6, 15.5 and 4.0 nats in the paper. The
# paper's J = 200 has the highest points at first and ends where 20 ends. It does not overfit: a dimension that tells
# nothing of x costs nothing, for its q can be the prior.
#
# ## Live
#
# **Predict.** Two runs here, J = 3 and J = 20. A model that knows only the mean image has about -206 nats on MNIST.
# Which run is the first to get well above that?

# %%
mnist_here = any(row.name == "mnist" and row.here for row in data.status())
dataset = data.mnist() if mnist_here else data.digits()
hidden, length = (500, 1e4 if FAST else 5e5) if mnist_here else (200, 1e4 if FAST else 2e5)
print(f"trained here: {dataset.describe()}"
      + ("" if mnist_here else " (MNIST is not here: do not compare with the paper)"))
live = {}
for J in (3, 20):
    started = time.perf_counter()
    live[J] = aevb_np.start(dataset, latent=J, hidden=hidden, warmup=20 if FAST else 100)
    for row in live[J].train(samples=length):
        pass
    print(f"J = {J:2} {row}   {time.perf_counter() - started:.0f} s")
    assert row.test_bound > -543

# %%
figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
for J, run in live.items():
    marker, line, _ = LOOK[J]
    seen = [row.samples for row in run.history]
    axes.plot(seen, [row.test_bound for row in run.history], line, marker="x", color="black",
              label=f"J = {J}, trained here ({dataset.name})")
    if mnist_here:
        near = {n: y for n, y in papers(J, "aevb", "test").items() if n <= 2e6}
        axes.plot(list(near), list(near.values()), marker, color="0.4", markersize=8,
                  markerfacecolor="white", label=f"J = {J}, the paper's points")
axes.set(xscale="log", ylim=(-230, -100), xlabel="training samples seen",
         ylabel="test bound (nats per image)",
         title="two short runs")
axes.legend(frameon=False, loc="upper left")
plt.show()
for J, run in live.items():
    mean, error = evaluation.mean_and_error(run.evaluate("test").bound_b)
    there = expectation.interpolated(papers(J, "aevb", "test"), run.samples) if mnist_here else None
    print(f"J = {J:2}: {mean:.1f} +- {error:.1f} (choice of images), "
          f"paper at {run.samples:.0e} samples: {there or 'no value there'}")
    assert there is None or abs(mean - there) < 15

# %% [markdown]
# Both do at the same time. After 60,000 samples J = 20 goes on where J = 3 slows down. On MNIST a run with J = 3 rests
# for a while, near -168, before it climbs on. How long it rests is luck of the start, and shifts the whole curve
# sideways. The standard error is that of the images, not of the seeds: at $10^6$ samples three seeds differ by one to
# two nats, and at J = 3 with this step by five (see the README).
#
# ## Training and test
#
# **Predict.** The difference of training and test bound: what is its sign early, what is it late, and for which J is it
# largest?

# %%
figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
gaps = {}
for J in SIZES:
    marker, line, color = LOOK[J]
    train, test = papers(J, "aevb", "train"), papers(J, "aevb", "test")
    gaps[J] = {n: train[n] - test[n] for n in train if n in test}
    axes.plot(list(gaps[J]), list(gaps[J].values()), marker, color=color, markerfacecolor="white",
              label=f"J = {J}")
    train, test = ours(J, "aevb", "train"), ours(J, "aevb", "test")
    mine = {n: train[n] - test[n] for n in train if n >= 5e5}
    axes.plot(list(mine), list(mine.values()), linestyle=line, color=color, linewidth=1)
axes.axhline(0, color="0.6", linewidth=0.8)
axes.set(xscale="log", xlim=(3e5, 3e8), ylim=(-14.5, 7), xlabel="training samples seen",
         ylabel="training less test bound (nats)",
         title="the gap opens late: the paper's points, our lines as far as they go")
axes.legend(frameon=False, loc="lower right")
plt.show()
print("the paper's gap after 1e6:", {J: round(gap[1_000_000], 1) for J, gap in gaps.items()},
      "and after 2.5e8:", {J: round(gap[250_000_000], 1) for J, gap in gaps.items()})
assert all(gap[1_000_000] < 0 < gap[250_000_000] for gap in gaps.values())

# %% [markdown]
# Negative early: the training bound is a running mean over the minibatches since the last report, so it lags behind a
# bound that still rises. Late it is positive, in the paper 5.3 nats for J = 3 and 2.1 for J = 200: a small latent space
# is no protection from overfitting, and a large one is no cause of it.
#
# ## Wake-sleep
#
# **Predict.** The two methods differ in the encoder's objective only. Where is AEVB ahead, and does the lead grow or
# shrink?

# %%
figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
leads = {}
for J in SIZES:
    marker, line, color = LOOK[J]
    a, w = papers(J, "aevb", "test"), papers(J, "wake-sleep", "test")
    leads[J] = {n: a[n] - w[n] for n in a if n in w}
    axes.plot(list(leads[J]), list(leads[J].values()), marker, color=color, markerfacecolor="white",
              label=f"J = {J}")
    a, w = ours(J, "aevb", "test"), ours(J, "wake-sleep", "test")
    mine = {n: a[n] - w[n] for n in a if n in w and n >= 5e5}
    if mine and min(mine.values()) > 19:
        axes.text(2e6, -2, f"not in the picture: our line of J = {J}, "
                  f"from {min(mine.values()):.0f} to {max(mine.values()):.0f} nats", fontsize=9)
    axes.plot(list(mine), list(mine.values()), linestyle=line, color=color, linewidth=1)
axes.axhline(0, color="0.6", linewidth=0.8)
axes.set(xscale="log", xlim=(3e5, 3e8), ylim=(-3, 19), xlabel="training samples seen",
         ylabel="AEVB less wake-sleep (nats)",
         title="test bounds: the paper's points, our lines as far as they go")
axes.legend(frameon=False, loc="upper right", ncols=2)
plt.show()
assert all(lead > 0 for by_n in leads.values() for n, lead in by_n.items() if n >= 1e6)

# %% [markdown]
# In the paper AEVB is ahead from $10^6$ samples on, for every J. With J of 10 and more the lead is largest early, with
# J = 3 in the middle, near $2\cdot10^7$; two to five nats are left at the end. Ours is behind with J = 3 up to about
# $1.5\cdot10^6$ samples. With J = 200 our lead lies above the picture: there our wake-sleep gets worse, as the table
# below shows.
#
# ## Ours against the paper
#
# The median of our seeds, and the paper's value, after $10^6$, $3\cdot10^6$ and $10^7$ samples. A dash: our run has not
# come that far, or is not there.
#
# **Predict.** How large a difference would you accept as the luck of the seed?

# %%
MARKS = (1e6, 3e6, 1e7)
differences = {}
print(f"{'test bound':14}"
      + "".join(f"{f'{n:.0e}: ours':>13}{'paper':>8}{'diff':>7}" for n in MARKS) + "  seeds")
for method in METHODS:
    for J in SIZES:
        cells, seeds = "", 0
        for n in MARKS:
            there = expectation.expected("mnist", J, method, n, "test", expectation.our_curves())
            seeds = max(seeds, len(there.ours))
            mine = statistics.median(there.ours) if there.ours else None
            difference = mine - there.paper if there.ours else None
            if there.ours:
                differences[method, J, n] = difference
            cells += f"{mine:13.1f}" if there.ours else f"{'-':>13}"
            cells += f"{there.paper:8.1f}" + (f"{difference:7.1f}" if there.ours else f"{'-':>7}")
        print(f"{method:10} {J:3}{cells}  {seeds}")
assert all(abs(difference) < 5 for (*curve, _), difference in differences.items()
           if curve != ["wake-sleep", 200])

# %% [markdown]
# Three seeds of one curve differ by one to two nats here, so differences of three and four are more than luck. One run
# is far beyond that: wake-sleep with J = 200 gets worse while it trains. Its encoder sees only dreams, and nothing
# holds its KL down on real images. The KL grows, and a smaller step does not mend it (`results/paper.md`, section 2.5).
# All others lie within five nats of the paper.
#
# **Is a number of your own right?** `aevb expect mnist --latent 20 --samples 1e6` says what to expect, and with `--got`
# what your number means in other units: bits, a mean over pixels, a sum over a batch.

# %%
there = expectation.expected("mnist", 20, "aevb", 1e6, "test", expectation.our_curves())
for reading in expectation.readings(0.1585, "auto", "mnist", pixels=784, near=there.value)[:2]:
    print(f"a program prints 0.1585: that is {reading.nats:.1f} nats per image, "
          f"if it is {', and '.join(reading.assumed)}")
reading = expectation.readings(0.1585, "nats-per-pixel", "mnist", 784, there.value)[0]
assert np.isclose(reading.nats, -0.1585 * 784)

# %% [markdown]
# A loss of 0.1585 is a usual bound for J = 20, if it is a mean over the pixels.
#
# ## Grey pixels
#
# The pixels here are grey, numbers between 0 and 1, as the paper's were. Then eq. (11) is not the logarithm of a
# probability of x. It is a cross-entropy, and no model can bring it to 0.
#
# **Predict.** The best that a decoder can do is y = x. What does eq. (11) give it then, and what does it give where
# each pixel is rounded to 0 or 1?

# %%
x = dataset.scale(dataset.x_test).astype(np.float64)
for name, pixels in (("grey", x), ("rounded", np.round(x))):
    best = (xlogy(pixels, pixels) + xlogy(1 - pixels, 1 - pixels)).sum(axis=1)
    mean, error = evaluation.mean_and_error(best)
    print(f"{name:8} at y = x: {mean:.1f} +- {error:.1f} nats per image")
assert best.max() == 0

# %% [markdown]
# With grey pixels the best is tens of nats below 0, and with rounded ones it is 0. So bounds of grey and of rounded
# (binarised) images do not compare.
#
# ## Summary
#
# - On MNIST the bound rises with J up to 20; J = 200 is no worse.
# - The running training bound lies below the test bound early; late it is above, by most for the smallest J.
# - In the paper AEVB leads wake-sleep from $10^6$ samples on, with every J; two to five nats are left at the end.
# - Compare at the same number of samples, in nats per image, against several seeds.
# - Grey pixels make the "Bernoulli" bound a cross-entropy; binarised MNIST has other numbers.
#
# `aevb figure 2` trains these curves again. Exercise that follows: E9, the Gaussian decoder of the paper's other data.
