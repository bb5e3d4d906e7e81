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
# # A VAE in one page
#
# You will be able to train a variational auto-encoder, say what its bound is made of, read its latent plane, draw new
# images from it and walk about in it.
#
# The paper is Kingma and Welling, *Auto-Encoding Variational Bayes*; the equation numbers are its. All numbers are in
# nats per image. Nothing is downloaded: the package draws the digits itself. Make each prediction before you run the
# cell below it, on paper if you can: a wrong one teaches more than a right one.

# %%
# %matplotlib inline
# %config InlineBackend.figure_formats = ["jpeg"]
# %config InlineBackend.print_figure_kwargs = {"pil_kwargs": {"quality": 88}}
import inspect
import math
import os

import matplotlib
import numpy as np

import aevb_np
from aevb_np import data, plotting
from aevb_np.evaluation import mean_and_error
from aevb_np.explorer import explore

# and JPEG above: pictures of pictures stay small enough to keep in the notebook
matplotlib.rcParams["figure.dpi"] = 80
FAST = os.environ.get("AEVB_FAST") == "1"  # a tenth of the training, to see that every cell runs

# %% [markdown]
# ## The data
#
# There are 10,000 images to train on and 2,000 to test with, each of 28 x 28 grey values. They are not photographs of
# anything: a pen of random slant, size and thickness drew them, so that we know what made them.
#
# **Before you run:** how many numbers does it take to tell one picture of a 4 from the others below it?

# %%
digits = data.digits()
print(digits.describe())
fives = np.stack([np.flatnonzero(digits.labels_test == digit)[:5] for digit in range(10)],
                 axis=1).ravel()
plotting.images(digits.scale(digits.x_test[fives]), digits.image_shape,
                title="The data: five test images of each digit")

# %% [markdown]
# Few, against 784 pixels: seven habits of the pen (slant, width, thickness, ...), which of four ways to write a 4 it
# chose, and how its strokes bent. A latent variable model looks for such causes, without being told that they are
# there.
#
# ## What a bound is counted in
#
# **Before you run:** a model that knows nothing says "1/2" for each of the 784 pixels. How many nats does it give an
# image, by eq. (11)?

# %%
x = digits.scale(digits.x_test)
nothing, _ = aevb_np.bernoulli_log_prob(x, np.zeros_like(x))  # logits of 0 are probabilities of 1/2
print(f"lowest and highest log p(x): {nothing.min():.2f}, {nothing.max():.2f};  "
      f"784 log(1/2) = {784 * math.log(0.5):.2f}")
assert np.allclose(nothing, 784 * math.log(0.5), rtol=1e-5)

# %% [markdown]
# Every image gets the same -543.43 nats, whatever it shows. A model that has learnt something about digits gives more.
#
# ## The bound
#
# The encoder turns an image x into a Gaussian q(z|x) over two numbers z; the decoder turns z into 784 probabilities.
# For each image the lower bound on log p(x) is what the decoder gives the image, less the KL divergence of q(z|x) from
# the prior N(0, I):
#
# $$\mathcal{L}(x) \simeq -D_{KL}\big(q(z|x)\,\|\,p(z)\big) + \frac1L \sum_{l=1}^L \log p(x|z^{(l)}), \qquad
# z^{(l)} = \mu + \sigma \odot \epsilon^{(l)}, \quad \epsilon^{(l)} \sim \mathcal{N}(0, I) \tag{7}$$
#
# The last part is the trick: z is random, yet a smooth function of $\mu$ and $\sigma$, so gradients pass through it.
# Below is the package's own code for eq. (7), with its gradient; it is all that training needs.
#
# **Before you run:** the forward lines are numbered 1 to 7. In which order will the gradient visit them?

# %%
print(inspect.getsource(aevb_np.sgvb_b))

# %% [markdown]
# In reverse: `backward` stands right below the forward lines and carries the same numbers. Every differentiable thing
# in the package is written so.
#
# **Before you run:** before training all weights are near 0. What is the KL then, and what is the bound?

# %%
run = aevb_np.start(digits, latent=2, hidden=200, step=0.1)
before = run.evaluate("test")
print(f"bound {before.bound_b.mean():.2f} = {before.log_px.mean():.2f} "
      f"- KL {before.kl.sum(axis=1).mean():.4f}")
assert abs(before.bound_b.mean() - 784 * math.log(0.5)) < 1

# %% [markdown]
# The encoder says nearly N(0, I) for every image, which costs nearly nothing, and the decoder says nearly 1/2 for every
# pixel.
#
# ## Training
#
# Algorithm 1: a minibatch of 100 images, one sample of z for each, the gradient of the bound, a step of Adagrad; again
# and again. The first 100 gradients are only gathered, so the first row is still the start.
#
# **Before you run:** which of the two parts of the bound will move by more nats, the decoder's or the KL?

# %%
for row in run.train(samples=4e4 if FAST else 4e5):
    print(row)
assert run.history[-1].test_bound > before.bound_b.mean() + 300

# %% [markdown]
# The decoder's, by 405 nats; the KL moves by 7. That price is what the encoder tells the decoder about one image.
#
# **Before you run:** will the bound on the test images end above or below that on the training images?

# %%
seen = [row.samples for row in run.history]
bounds = {"train": [row.train_bound for row in run.history],
          "test": [row.test_bound for row in run.history]}
plotting.curve(seen, bounds, title="The bound rises, on training and on test images alike")

# %% [markdown]
# Below, by 1.5 nats: the model fits the images that it has seen a little better. After a tenth of the training the two
# are hardly apart.
#
# The paper has two estimators of the same bound, A of eq. (6) and B of eq. (7). **Before you run:** they look at the
# same 2,000 images and use the same noise. Will they give the same number for an image? On average?

# %%
terms = run.evaluate("test")
difference, error = mean_and_error(terms.bound_a - terms.bound_b)
print(f"bound of one image   A {terms.bound_a[0]:.2f}   B {terms.bound_b[0]:.2f}")
for name, values in (("A", terms.bound_a), ("B", terms.bound_b)):
    print("mean over the images {} {:.2f} +- {:.2f}".format(name, *mean_and_error(values)))
print(f"mean of A - B          {difference:.3f} +- {error:.3f}   (exact: 0)")
assert abs(difference) < 5 * error  # by chance once in two million seeds

# %% [markdown]
# Not for one image, but on average: A samples the KL that B has in closed form. The large error of each mean comes from
# the choice of images. A and B share it, so that it drops out of their difference.
#
# ## The latent plane
#
# **Before you run:** the encoder has never seen a label. Will the ten digits lie apart?

# %%
mu, log_var = run.encode(digits.x_test)
plotting.scatter(mu, labels=digits.labels_test, title="The mean of q(z|x) for every test image")

# %% [markdown]
# 0, 1, 2, 6 and 7 do, though only pixels were seen. 3, 5 and 8 lie over each other, and so do 4 and 9: they share
# strokes. The circles are the prior: much of the data lies outside two standard deviations after so short a training.
#
# Now the other way. z runs through the inverse of the Gaussian distribution function, so that every tile stands for the
# same share of the prior (the paper's Figure 4). **Before you run:** which digits of the picture above will have no
# tile?

# %%
plotting.manifold(run.decode, digits.image_shape, n=10,
                  title="The decoder's mean over the latent plane")

# %% [markdown]
# 1, 2 and 7 have none, and 0 has hardly one: most of them lie outside the larger circle. Both axes are as above, but
# the tiles end at 1.6 standard deviations: they show the middle of the plane.
#
# **Before you run:** two numbers must do for 784 pixels. Which of digit, slant and thickness will they keep?

# %%
some = digits.scale(digits.x_test[:12])
plotting.reconstructions(some, run.reconstruct(some), digits.image_shape, columns=12,
                         title="What two numbers keep of twelve test images")

# %% [markdown]
# Which digit it is, in most cases, but a 4 comes back as a 9 and a 5 as a 3 or an 8. Of slant and thickness they keep
# something for some digits. The blur is the decoder's way to say that it does not know the rest. Walkthrough 7 shows
# what more latent dimensions gain.
#
# ## New images
#
# **Before you run:** draw z from the prior and decode it. Which digits will be rare, and why?

# %%
plotting.images(run.sample(48), digits.image_shape, columns=12,
                title="New images: z drawn from the prior, decoded")

# %% [markdown]
# Again those that lie far out: there is one 2, and there is no 0, 1 or 7.
#
# ## Walk about in it
#
# The explorer is one HTML page that holds the decoder itself: drag over the plane and see the image change, with no
# server and no network. **Before you run:** how large is a page that can draw everything this model can?

# %%
folder = "runs/a_vae_in_one_page"
run.save(folder)
page = explore(run)
page.save(f"{folder}/explore.html")
print(page)
assert np.array_equal(aevb_np.load(folder).decode(mu[:10]), run.decode(mu[:10]))

# %% [markdown]
# 387 KB. Open `runs/a_vae_in_one_page/explore.html` in a browser, or write `page` in a cell of its own to have it here.
# The run lies in the same folder; what is loaded from there decodes to the same bits.
#
# ## Summary
#
# - The bound of an image is what the decoder gives it at a sampled z, less the KL of q(z|x) from the prior.
# - Its gradient goes through the sample, z = $\mu + \sigma\epsilon$: seven lines, each with its own way back.
# - A and B estimate the same number; B is the one with the KL in closed form.
# - A two-dimensional latent plane can be looked at: the scatter says where images go, the manifold what comes back.
#
# Exercises that follow: **E1** to **E3** write the parts of eq. (7), a stable log p(x|z), the KL and the sample;
# **E10** writes the step of Adagrad. Notebook 1 asks why a *bound* is needed at all, notebook 2 why the gradient goes
# through the sample, notebook 3 takes the bound apart term by term. And go on by yourself: `aevb train mnist --latent
# 2`, or your own images, `aevb train FOLDER`.
