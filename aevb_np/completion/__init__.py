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

from aevb_np.completion.denoising import Denoising
from aevb_np.completion.draws import Completion, complete, decoded, nearest
from aevb_np.completion.inpainting import Inpainting, half
from aevb_np.completion.observation import Observation
from aevb_np.completion.super_resolution import SuperResolution, ones_log_prob

__all__ = [
    "Observation", "Inpainting", "half", "Denoising", "SuperResolution", "ones_log_prob",
    "complete", "Completion", "decoded", "nearest",
]  # fmt: skip
