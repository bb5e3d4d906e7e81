"""What the posterior is for: find the image of which only a part, a noisy copy or a coarse copy was seen. Section 2.1.

Denoising, inpainting, super-resolution: the paper names three tasks, and they are one. An image x came from a code z,
and what was seen came from x. So *what was seen has a decoder, too*: the trained one, followed by what happened to the
image. Draw z from p(z|observed) by HMC; the mean of the decoder's images is the answer, and how much they differ from
one another says how far to trust it.

What happens to an image happens to its density. This is what becomes of p(x|z):

|                   | Bernoulli: y = sigmoid(a)                   | Gaussian: mu, sigma^2                         |
|-------------------|---------------------------------------------|-----------------------------------------------|
| `Inpainting`      | y of the seen pixels                        | mu, sigma^2 of the seen pixels                |
| `Denoising`       | r + (1 - 2r) y                              | mu, sigma^2 + s^2                             |
| `SuperResolution` | the number of ones among n bits             | mean of mu, mean of sigma^2 / n               |
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np import hmc
from aevb_np.distributions import bernoulli_log_prob, gaussian_log_prob
from aevb_np.networks import BernoulliMLP
from aevb_np.numerics import log_mean_exp, sigmoid, softplus
from aevb_np.params import Params
from aevb_np.posterior import posterior


class Observation(ABC):
    """p(observed|z): a trained decoder, followed by what happened to the image. What the three tasks have in common.

    `posterior` takes it for a decoder. The parameters are those of the trained decoder.

    Parameters
    ----------
    decoder : BernoulliMLP, GaussianMLP
        p(x|z).

    Attributes
    ----------
    n_in, n_out : int
        Numbers in z and numbers observed.
    missing : array of bool, (D,)
        The pixels to be found.
    """

    n_out: int
    missing: NDArray

    def __init__(self, decoder: Any):
        self.decoder, self.n_in = decoder, decoder.n_in
        self.bits = isinstance(decoder, BernoulliMLP)

    def log_prob(self, theta: Params, observed: NDArray, z: NDArray, value: bool = True) -> tuple[Any, Callable]:
        """log p(observed|z), one number per row, or None with value=False; the backward returns the gradient in z."""
        pixels, back_decode = self.decoder.forward(theta, z)  # 1  logits, or mu and log sigma^2
        if self.bits:
            log_p, back_observe = self.bernoulli(observed, pixels, value)  # 2
        else:
            mu, log_var = pixels
            log_p, back_observe = self.gaussian(observed, mu, log_var, value)  # 2

        def backward(dlog_p, inputs=True, parameters=True):
            return back_decode(*back_observe(dlog_p), inputs, parameters)  # 2 1  dz

        return log_p, backward

    @abstractmethod
    def bernoulli(self, observed: NDArray, logits: NDArray, value: bool) -> tuple[Any, Callable]:
        """log p(observed) if the pixels are bits with these logits (M, D); the backward returns (dlogits,)."""

    @abstractmethod
    def gaussian(self, observed: NDArray, mu: NDArray, log_var: NDArray, value: bool) -> tuple[Any, Callable]:
        """log p(observed) if the pixels are Gaussian with these (M, D); the backward returns (dmu, dlog_var)."""

    @abstractmethod
    def view(self, x: NDArray) -> NDArray:
        """What would be seen of x without noise.   (M, D) -> (M, n_out)"""

    def observe(self, x: NDArray, rng: np.random.Generator) -> NDArray:
        """What is seen of x.   (M, D) -> (M, n_out)"""
        return self.view(x)

    @abstractmethod
    def fill(self, observed: NDArray, mean_image: NDArray) -> NDArray:
        """Whole images that the encoder can be shown, to start from: what is not known is guessed.   -> (M, D)

        mean_image (D,), that of the training data, is the guess at a pixel of which nothing was seen.
        """

    @abstractmethod
    def describe(self) -> str:
        """What was seen and how likely it is, in words."""


class Inpainting(Observation):
    """Some pixels are seen as they are, the others not at all.

    Given z the pixels are independent: log p(seen|z) is the decoder's sum over pixels, without the missing ones.

    Parameters
    ----------
    decoder : BernoulliMLP, GaussianMLP
    seen : array of bool, (D,)
        Which pixels are seen, the same in all images.

    Examples
    --------
    >>> left_half = Inpainting(BernoulliMLP(2, 5, 4), np.array([True, False, True, False]))
    >>> left_half.view(np.array([[0.1, 0.2, 0.3, 0.4]]))
    array([[0.1, 0.3]])
    """

    def __init__(self, decoder: Any, seen: NDArray):
        super().__init__(decoder)
        seen = np.asarray(seen)
        if seen.shape != (decoder.n_out,) or seen.dtype != bool:
            raise ValueError(
                f"`seen` says of each of {decoder.n_out} pixels whether it is seen, True or False; "
                f"got an array of {seen.dtype}, shape {seen.shape}"
            )
        self.missing = ~seen
        self.places = np.flatnonzero(seen)  # faster to take by than True and False
        self.n_out = len(self.places)

    def bernoulli(self, observed: NDArray, logits: NDArray, value: bool) -> tuple[Any, Callable]:
        """The decoder's sum over pixels, without those that are missing."""
        log_p, back_log_prob = bernoulli_log_prob(observed, self.view(logits), value)

        def backward(dlog_p):
            return (self._everywhere(back_log_prob(dlog_p)),)  # dlogits

        return log_p, backward

    def gaussian(self, observed: NDArray, mu: NDArray, log_var: NDArray, value: bool) -> tuple[Any, Callable]:
        """The decoder's sum over pixels, without those that are missing."""
        log_p, back_log_prob = gaussian_log_prob(observed, self.view(mu), self.view(log_var), value)

        def backward(dlog_p):
            _, dmu, dlog_var = back_log_prob(dlog_p)
            return self._everywhere(dmu), self._everywhere(dlog_var)

        return log_p, backward

    def _everywhere(self, dseen: NDArray) -> NDArray:
        """The gradient in all pixels: none in those that are missing.   (M, n_out) -> (M, D)"""
        d = np.zeros((len(dseen), len(self.missing)), dseen.dtype)
        d[:, self.places] = dseen
        return d

    def view(self, x: NDArray) -> NDArray:
        """The seen pixels."""
        return x[:, self.places]

    def fill(self, observed: NDArray, mean_image: NDArray) -> NDArray:
        """The seen pixels, and the mean image where nothing was seen."""
        x = np.tile(mean_image.astype(observed.dtype), (len(observed), 1))
        x[:, self.places] = observed
        return x

    def describe(self) -> str:
        """How many pixels are missing."""
        D = len(self.missing)
        return f"{D - self.n_out} of {D} pixels are missing; log p(seen|z) is the decoder's sum over the others"


def half(side: str, image_shape: tuple[int, int]) -> NDArray:
    """The pixels of one half of an image: "top", "bottom", "left" or "right".   -> array of bool, (D,)

    Of an odd number of rows or columns the one in the middle belongs to the bottom or right half.

    Examples
    --------
    >>> half("left", (2, 2))
    array([ True, False,  True, False])
    """
    rows, columns = image_shape
    row, column = np.divmod(np.arange(rows * columns), columns)
    halves = {
        "top": row < rows // 2,
        "bottom": row >= rows // 2,
        "left": column < columns // 2,
        "right": column >= columns // 2,
    }
    if side not in halves:
        raise ValueError(f"the halves of an image are {', '.join(halves)}; got {side!r}")
    return halves[side]


class Denoising(Observation):
    """Every pixel is seen, with noise of known strength: bits are flipped, and to real numbers N(0, s^2) is added.

    A bit that is 1 with probability y is seen as 1 with probability r + (1 - 2r) y. In logits, with c = log((1-r) / r),
    the logit of not being flipped,

        a -> softplus(a + c) - softplus(a - c) - c,

    which never leaves -c ... c: who knows that bits are flipped cannot be surer of what will be seen. For real numbers
    the variances add: sigma^2 -> sigma^2 + s^2.

    Parameters
    ----------
    decoder : BernoulliMLP, GaussianMLP
    noise : float
        For a Bernoulli decoder r, the probability that a bit is flipped; for a Gaussian one s, in units of x.
    """

    def __init__(self, decoder: Any, noise: float):
        super().__init__(decoder)
        if self.bits and not 0 < noise < 0.5:
            raise ValueError(f"bits are flipped at a rate above 0 and below 0.5, where they say nothing; got {noise:g}")
        if not 0 < noise < math.inf:
            raise ValueError(f"the standard deviation of the noise is above 0 and finite; got {noise:g}")
        self.noise = float(noise)
        self.n_out = decoder.n_out
        self.missing = np.ones(decoder.n_out, bool)

    def bernoulli(self, observed: NDArray, logits: NDArray, value: bool) -> tuple[Any, Callable]:
        """Bits again, with the logits of r + (1 - 2r) y."""
        c = math.log((1 - self.noise) / self.noise)
        flipped = softplus(logits + c) - softplus(logits - c) - c
        log_p, back_log_prob = bernoulli_log_prob(observed, flipped, value)

        def backward(dlog_p):
            return (back_log_prob(dlog_p) * (sigmoid(logits + c) - sigmoid(logits - c)),)  # dlogits

        return log_p, backward

    def gaussian(self, observed: NDArray, mu: NDArray, log_var: NDArray, value: bool) -> tuple[Any, Callable]:
        """A Gaussian again, with log(sigma^2 + s^2) = log s^2 + softplus(log sigma^2 - log s^2)."""
        log_s2 = 2 * math.log(self.noise)
        log_p, back_log_prob = gaussian_log_prob(observed, mu, log_s2 + softplus(log_var - log_s2), value)

        def backward(dlog_p):
            _, dmu, dlog_sum = back_log_prob(dlog_p)
            return dmu, dlog_sum * sigmoid(log_var - log_s2)  # dmu, dlog_var

        return log_p, backward

    def view(self, x: NDArray) -> NDArray:
        """x itself."""
        return x

    def observe(self, x: NDArray, rng: np.random.Generator) -> NDArray:
        """x with fresh noise."""
        if not self.bits:
            return x + self.noise * rng.standard_normal(x.shape, dtype=x.dtype)
        if not ((x == 0) | (x == 1)).all():
            raise ValueError("only bits can be flipped, and x holds values between 0 and 1; make bits of it: x > 0.5")
        return np.where(rng.random(x.shape) < self.noise, 1 - x, x)

    def fill(self, observed: NDArray, mean_image: NDArray) -> NDArray:
        """The noisy images as they are."""
        return observed

    def describe(self) -> str:
        """The noise, and how it enters the density."""
        if self.bits:
            return f"bits are flipped at rate r = {self.noise:g}; p(1|z) is r + (1 - 2r) y with y from the decoder"
        return f"noise N(0, s^2) is added, s = {self.noise:g}; p(noisy|z) is N(mu, sigma^2 + s^2)"


class SuperResolution(Observation):
    """Only the mean of every square block of n = block x block pixels is seen.

    The mean m of n independent Gaussians is Gaussian, with the mean of the mu and variance sum sigma^2 / n^2. Of n bits
    with mean m, n m are 1, and `ones_log_prob` says how probable that is. Both are exact.

    Parameters
    ----------
    decoder : BernoulliMLP, GaussianMLP
    image_shape : (rows, columns)
    block : int
        Pixels along the side of a block; divides rows and columns.

    Examples
    --------
    >>> halves = SuperResolution(BernoulliMLP(2, 5, 8), (2, 4), block=2)
    >>> halves.view(np.array([[1.0, 1.0, 0.0, 0.0,
    ...                        1.0, 1.0, 1.0, 1.0]]))
    array([[1. , 0.5]])
    """

    def __init__(self, decoder: Any, image_shape: tuple[int, int], block: int):
        super().__init__(decoder)
        rows, columns = image_shape
        if rows * columns != decoder.n_out:
            raise ValueError(f"the decoder draws {decoder.n_out} pixels, which are no image of {rows} x {columns}")
        if block < 1 or rows % block or columns % block:
            possible = [b for b in range(2, min(rows, columns) + 1) if not rows % b and not columns % b]
            raise ValueError(
                f"blocks of {block} x {block} do not fit into images of {rows} x {columns}; "
                + (f"those of {', '.join(map(str, possible))} do" if possible else "none do, but single pixels")
            )
        self.image_shape, self.block, self.n = (rows, columns), block, block**2
        self.n_out = decoder.n_out // self.n
        self.missing = np.ones(decoder.n_out, bool)

    def bernoulli(self, observed: NDArray, logits: NDArray, value: bool) -> tuple[Any, Callable]:
        """The number of ones in every block."""
        log_p, back_log_prob = ones_log_prob(self.n * observed, self._blocks(logits), value)

        def backward(dlog_p):
            return (self._whole(back_log_prob(dlog_p)),)  # dlogits

        return log_p, backward

    def gaussian(self, observed: NDArray, mu: NDArray, log_var: NDArray, value: bool) -> tuple[Any, Callable]:
        """A Gaussian for every block."""
        mu, log_var = self._blocks(mu), self._blocks(log_var)  # (n, M, n_out)
        log_mean = log_mean_exp(log_var)  # of sigma^2, (M, n_out)
        log_p, back_log_prob = gaussian_log_prob(observed, mu.mean(axis=0), log_mean - math.log(self.n), value)

        def backward(dlog_p):
            _, dmean, dlog_mean = back_log_prob(dlog_p)
            dmu = np.broadcast_to(dmean / self.n, mu.shape)
            dlog_var = dlog_mean / self.n * np.exp(log_var - log_mean)  # more to those that vary more
            return self._whole(dmu), self._whole(dlog_var)

        return log_p, backward

    def _blocks(self, x: NDArray) -> NDArray:
        """The n pixels of every block one after the other, the blocks from row to row.   (M, D) -> (n, M, n_out)"""
        (rows, columns), b = self.image_shape, self.block
        squares = x.reshape(len(x), rows // b, b, columns // b, b)
        return squares.transpose(2, 4, 0, 1, 3).reshape(self.n, len(x), self.n_out)

    def _whole(self, blocks: NDArray) -> NDArray:
        """The images of which `_blocks` makes these.   (n, M, n_out) -> (M, D)"""
        (rows, columns), b = self.image_shape, self.block
        squares = blocks.reshape(b, b, -1, rows // b, columns // b)
        return squares.transpose(2, 3, 0, 4, 1).reshape(-1, rows * columns)

    def view(self, x: NDArray) -> NDArray:
        """The means of the blocks."""
        return self._blocks(x).mean(axis=0)

    def fill(self, observed: NDArray, mean_image: NDArray) -> NDArray:
        """Every block filled with its mean."""
        return self._whole(np.repeat(observed[None], self.n, axis=0))

    def describe(self) -> str:
        """The blocks and the density of their means."""
        density = "the probability of n m ones among the n bits" if self.bits else "N(mean of mu, sum of sigma^2 / n^2)"
        return f"only means m of {self.block} x {self.block} pixels are seen, n = {self.n}; p(m|z) is {density}"


def ones_log_prob(ones: NDArray, logits: NDArray, value: bool = True) -> tuple[Any, Callable]:
    """log P(so many of n independent bits are 1), one number per row: a sum over B groups of n bits.

        P(k) = e_k(w) / prod_i (1 + w_i),   w_i = exp a_i,   e_k = the sum of all products of k different w_i

    One bit at a time: with bit i, e_k becomes e_k (the bit is 0) + w_i e_(k-1) (it is 1). The derivative in a_i is
    x_i - y_i, as for a bit that is seen, but with x_i the probability that bit i is 1 given how many are. To find it,
    go back from the last bit to the first and ask how likely each was one of those that were still to be found.

    Parameters
    ----------
    ones : array, (M, B)
        From 0 to n. Between whole numbers log P is interpolated, as the cross-entropy of a grey pixel is.
    logits : array, (n, M, B)
    value : bool
        False leaves the number out (None).
    """
    n = len(logits)
    count = np.arange(n + 1, dtype=ones.dtype)[:, None, None]
    weight = np.maximum(1 - np.abs(ones - count), 0)  # (n + 1, M, B): 1 at count = ones
    log_e = np.zeros((n + 1, *ones.shape), logits.dtype)  # of the bits so far; of no bits, e_0 = 1
    log_odds = np.empty((n, *logits.shape), logits.dtype)  # [i, k - 1]: of bit i, when k of bits 0 ... i are 1
    for i, a in enumerate(logits):
        log_odds[i, :i] = log_e[:i] + a - log_e[1 : i + 1]
        log_e[i + 1] = log_e[i] + a  # all of them are 1
        log_e[1 : i + 1] += softplus(log_odds[i, :i])
    log_p = (weight * log_e).sum(axis=(0, 2)) - softplus(logits).sum(axis=(0, 2)) if value else None  # (M,)

    def backward(dlog_p):
        p = weight.copy()  # [k]: the probability that k of bits 0 ... i are 1
        x = np.empty(logits.shape, p.dtype)
        for i in reversed(range(n)):
            bit = p[1 : i + 1] * sigmoid(log_odds[i, :i])  # k are, and bit i is one of them
            x[i] = bit.sum(axis=0) + p[i + 1]
            p[:i] += bit
            p[1 : i + 1] -= bit
            p[i] += p[i + 1]
        return dlog_p[:, None] * (x - sigmoid(logits))  # dlogits

    return log_p, backward


@dataclass(frozen=True)
class Completion:
    """What is known of M images after what was seen of them.

    Attributes
    ----------
    mean, spread : array, (M, D)
        Mean and standard deviation of the decoder's mean image over the draws. The noise that the decoder itself has
        around its mean image is not in the spread.
    z : array, (L, M, J)
        The draws from p(z|observed).
    acceptance : array, (M,)
        The share of HMC moves accepted.
    """

    mean: NDArray
    spread: NDArray
    z: NDArray
    acceptance: NDArray

    def interval(self, share: float = 0.9) -> NDArray:
        """Between which two numbers each z_j lies with this probability, half of the rest on either side.  (2, M, J)

        The k-th of L sorted draws stands for the quantile k / (L + 1): one more draw, or the true z, falls into each of
        the L + 1 gaps between them with the same probability.
        """
        if not 0 < share < 1:
            raise ValueError(f"the share of the probability inside lies between 0 and 1; got {share}")
        return np.quantile(self.z, [(1 - share) / 2, (1 + share) / 2], axis=0, method="weibull")


def complete(
    observation: Observation,
    theta: Params,
    observed: NDArray,
    z: NDArray,
    rng: np.random.Generator,
    S: int = 10,
    burn_in: int = 100,
    L: int = 400,
) -> Completion:
    """Draw z from p(z|observed), proportional to p(z) p(observed|z), for every row, and decode.

    Parameters
    ----------
    observation : Inpainting, Denoising or SuperResolution
    theta : Params
        Of the decoder; their gradient is left alone.
    observed : array, (M, n_out)
        As `observation.observe` makes it.
    z : array, (M, J)
        Where the chains start, one for each image: where the encoder sends the image, filled with guesses.
    rng : Generator
    S, burn_in, L : int
        Leapfrog steps of a move, moves for tuning, draws, as for `hmc.sample`. With these, on MNIST in 20 latent
        dimensions, the draws of a chain are worth 200 independent ones or more.

    Raises
    ------
    ValueError
        If the rows of `observed` are not as long as this observation makes them, or not finite, or for a Bernoulli
        decoder not between 0 and 1; or if there is not one z for each.

    Examples
    --------
    >>> from aevb_np.model import VAE
    >>> from aevb_np.streams import stream
    >>> model, rng = VAE.bernoulli(D=784, H=100, J=3), stream("hmc", seed=0)
    >>> p = model.init(stream("init", seed=0))  # or those of a trained run
    >>> upper_half = Inpainting(model.decoder, np.arange(784) < 392)
    >>> observed = upper_half.observe(np.zeros((5, 784), np.float32), rng)
    >>> (z, _), _ = model.encoder.forward(p.phi, upper_half.fill(observed, mean_image=np.full(784, 0.1)))
    >>> complete(upper_half, p.theta, observed, z, rng, burn_in=10, L=10).mean.shape
    (5, 784)
    """
    if observed.shape != (len(z), observation.n_out):
        raise ValueError(
            f"{observation.n_out} numbers are observed of each image and each starts with a z of its own; "
            f"got arrays of shape {observed.shape} and {z.shape}"
        )
    low, high = (0, 1) if observation.bits else (-math.inf, math.inf)
    if bad := int((~(np.isfinite(observed) & (low <= observed) & (observed <= high))).sum()):
        raise ValueError(
            f"what is observed is finite{' and between 0 and 1' * observation.bits}; {bad} of the numbers are not"
        )
    draws = hmc.sample(posterior(observation, theta, observed), z, S, burn_in, L, rng)
    mean, spread = decoded(observation.decoder, theta, draws.z)
    return Completion(mean, spread, draws.z, draws.acceptance)


def decoded(decoder: Any, theta: Params, z: NDArray) -> tuple[NDArray, NDArray]:
    """Mean and standard deviation of the decoder's mean image over draws of z.   (L, M, J) -> (M, D), twice"""
    total = squares = 0.0
    for draw in z:
        x = decoder.mean(theta, draw).astype(np.float64)  # in float32, mean square less squared mean may be negative
        total, squares = total + x, squares + x**2
    mean = np.asarray(total) / len(z)
    spread = np.sqrt(np.maximum(np.asarray(squares) / len(z) - mean**2, 0))
    return mean.astype(z.dtype), spread.astype(z.dtype)


def nearest(observation: Observation, observed: NDArray, x_train: NDArray) -> NDArray:
    """The training image of which one would see most nearly what was seen, by squared distance.   -> index, (M,)

    What completion without a model can do, to compare with. x_train is scaled as the model sees it, (N, D).
    """
    seen = observation.view(x_train)  # (N, n_out)
    distance = (seen**2).sum(axis=1) - 2 * observed @ seen.T  # (M, N), less |observed|^2, which is the same for all
    return distance.argmin(axis=1)
