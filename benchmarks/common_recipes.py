"""What well-known example VAEs measure, in nats per image: each trained once as its authors have it, on MNIST.

    python benchmarks/common_recipes.py pytorch            (needs torch; two minutes on one core)
    python benchmarks/common_recipes.py keras              (the same layers written with torch; an hour or two)

Prints a line for aevb_np/experiments/curves/common_recipes.csv. Both feed grey values in [0, 1] to a cross-entropy, as
this package does; both differ from the paper in network, optimiser and length.
"""

import sys

import numpy as np
import torch
from torch import nn

from aevb_np.data import mnist


class PyTorch(nn.Module):
    """github.com/pytorch/examples, folder vae: 784-400-20, ReLU. It prints minus the bound per image."""

    epochs, latent = 10, 20

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 400), nn.ReLU())
        self.mean, self.log_var = nn.Linear(400, 20), nn.Linear(400, 20)
        self.decoder = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))

    def forward(self, x):
        h = self.encoder(x)
        mean, log_var = self.mean(h), self.log_var(h)
        return self.decoder(mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)), mean, log_var


class Keras(PyTorch):
    """keras.io, "Variational AutoEncoder": convolutions, two latent dimensions, trained on the test images too."""

    epochs, latent = 30, 2

    def __init__(self):
        nn.Module.__init__(self)
        down, up = {"stride": 2, "padding": 1}, {"stride": 2, "padding": 1, "output_padding": 1}
        self.encoder = nn.Sequential(
            nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 32, 3, **down), nn.ReLU(), nn.Conv2d(32, 64, 3, **down),
            nn.ReLU(), nn.Flatten(), nn.Linear(7 * 7 * 64, 16), nn.ReLU(),
        )  # fmt: skip
        self.mean, self.log_var = nn.Linear(16, 2), nn.Linear(16, 2)
        self.decoder = nn.Sequential(
            nn.Linear(2, 7 * 7 * 64), nn.ReLU(), nn.Unflatten(1, (64, 7, 7)), nn.ConvTranspose2d(64, 64, 3, **up),
            nn.ReLU(), nn.ConvTranspose2d(64, 32, 3, **up), nn.ReLU(), nn.ConvTranspose2d(32, 1, 3, padding=1),
            nn.Flatten(),
        )  # fmt: skip


def loss(model, x):
    """Minus the bound, summed over the batch."""
    logits, mean, log_var = model(x)
    kl = -0.5 * (1 + log_var - mean**2 - log_var.exp()).sum()
    return nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum") + kl


def main(name):
    torch.manual_seed(1)
    torch.set_num_threads(1)
    data = mnist(60_000)
    train, test = (torch.tensor(x / np.float32(255)) for x in (data.x_train, data.x_test))
    if name == "keras":
        train = torch.cat([train, test])
    model = {"pytorch": PyTorch, "keras": Keras}[name]()
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(1, model.epochs + 1):
        order = torch.randperm(len(train))
        for start in range(0, len(train), 128):
            adam.zero_grad()
            value = loss(model, train[order[start : start + 128]])
            value.backward()
            adam.step()
        with torch.no_grad():
            bounds = [-sum(loss(model, x).item() for x in images.split(1000)) / len(images) for images in (train, test)]
        samples = epoch * len(train)
        print(f"{name},{model.latent},{samples},{bounds[0]:.2f},{bounds[1]:.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
