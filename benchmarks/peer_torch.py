"""The same step in PyTorch: eager with its fused Adagrad, and with the bound compiled."""

import math

import torch
from settings import STEP, Setting
from torch.nn import functional

torch.set_num_threads(1)
VERSION = f"PyTorch {torch.__version__}"


def contestants(setting: Setting) -> dict:
    return {"torch eager": learner(setting, bound), "torch compiled": learner(setting, torch.compile(bound))}


def bound(w, x, eps):
    """Estimator B of every datapoint.   x (M, D), eps (L, M, J)"""
    h = torch.tanh(x @ w["phi.hidden.W"] + w["phi.hidden.b"])
    mu, log_var = h @ w["phi.mean.W"] + w["phi.mean.b"], h @ w["phi.log_var.W"] + w["phi.log_var.b"]
    z = mu + torch.exp(0.5 * log_var) * eps
    g = torch.tanh(z @ w["theta.hidden.W"] + w["theta.hidden.b"])
    if "theta.logits.W" in w:
        logits = g @ w["theta.logits.W"] + w["theta.logits.b"]
        log_px = (x * logits - functional.softplus(logits)).sum(-1)
    else:
        mean = torch.sigmoid(g @ w["theta.mean.W"] + w["theta.mean.b"])
        s = g @ w["theta.log_var.W"] + w["theta.log_var.b"]
        log_px = -0.5 * (math.log(2 * math.pi) + s + (x - mean) ** 2 * torch.exp(-s)).sum(-1)
    return log_px.mean(0) + 0.5 * (1 + log_var - mu**2 - torch.exp(log_var)).sum(-1)


def learner(setting: Setting, bound):
    dataset = setting.dataset
    pixels, N = torch.from_numpy(dataset.x_train), len(dataset.x_train)
    w = {name: torch.nn.Parameter(torch.from_numpy(W.copy())) for name, W, _ in setting.start().arrays()}
    optimizer = torch.optim.Adagrad(
        w.values(), STEP, weight_decay=1 / N, initial_accumulator_value=setting.epsilon, eps=0, fused=True
    )  # weight decay 1/N is the prior

    def step(index):
        x = pixels[index].float().div_(dataset.divisor)
        value = bound(w, x, torch.randn(setting.L, setting.M, setting.J))
        optimizer.zero_grad()
        (-value.mean()).backward()
        optimizer.step()
        return float(value.detach().mean())

    def epoch():
        order = torch.randperm(N).reshape(-1, setting.M)
        return sum(map(step, order)) / setting.steps

    return epoch
