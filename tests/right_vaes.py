"""Random right VAEs that are not the paper's network: what the checker must never call wrong."""

import numpy as np

# unit: (f(a), df/da)
UNITS = {
    "relu": (lambda a: np.maximum(a, 0), lambda a: (a > 0) * 1.0),
    "leaky": (lambda a: np.where(a > 0, a, 0.2 * a), lambda a: np.where(a > 0, 1.0, 0.2)),
    "elu": (lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))), lambda a: np.exp(np.minimum(a, 0))),
    "softplus": (lambda a: np.logaddexp(0, a), lambda a: 1 / (1 + np.exp(-a))),
    "hard sigmoid": (lambda a: np.clip(0.2 * a + 0.5, 0, 1), lambda a: 0.2 * (abs(0.2 * a) < 0.5)),
    "abs": (np.abs, np.sign),
    "tanh": (np.tanh, lambda a: 1 - np.tanh(a) ** 2),
    "sin": (np.sin, np.cos),
}  # fmt: skip
STYLES = "rows", "columns", "list", "one row", "convolution", "update", "labels"
DECODERS = "bernoulli", "gaussian, variance 1", "squared error", "gaussian"


def draw(seed):
    """What a random program is made of."""
    rng = np.random.default_rng(seed)
    return {
        "unit": str(rng.choice(list(UNITS))), "style": str(rng.choice(STYLES)), "decoder": str(rng.choice(DECODERS)),
        "encoder_depth": int(rng.integers(0, 4)), "decoder_depth": int(rng.integers(0, 4)),
        "kl_weight": float(rng.choice([1.0, 0.1, 4.0])), "sign": int(rng.choice([1, -1])),
        "biases": bool(rng.integers(2)),
        "mean": bool(rng.integers(2)), "clip": bool(rng.random() < 0.3), "declared": bool(rng.integers(2)),
    }  # fmt: skip


class Chain:
    """Layers with units between them, forward and backward by hand; `heads` arrays come out of the last."""

    def __init__(self, prefix, depth, heads, unit, biases):
        self.names = [f"{prefix}{k}" for k in range(depth)]
        self.heads, (self.f, self.slope), self.biases = heads, UNITS[unit], biases

    def shapes(self, n_in, H, n_outs):
        made = {}
        for name, n in zip(self.names, [n_in, *[H] * len(self.names)]):
            made |= {f"{name}_W": (n, H)} | ({f"{name}_b": (H,)} if self.biases else {})
        for head, m in zip(self.heads, n_outs):
            made |= {f"{head}_W": (H if self.names else n_in, m)} | ({f"{head}_b": (m,)} if self.biases else {})
        return made

    def affine(self, p, name, u):
        return u @ p[f"{name}_W"] + (p[f"{name}_b"] if self.biases else 0)

    def forward(self, p, u):
        kept = []
        for name in self.names:
            a = self.affine(p, name, u)
            kept.append((name, u, a))
            u = self.f(a)

        def backward(*d_heads):
            d = {}

            def back(name, u, delta):
                d[f"{name}_W"] = u.T @ delta
                if self.biases:
                    d[f"{name}_b"] = delta.sum(0)
                return delta @ p[f"{name}_W"].T

            du = sum(back(head, u, delta) for head, delta in zip(self.heads, d_heads))
            for name, v, a in reversed(kept):
                du = back(name, v, du * self.slope(a))
            return d, du

        return [self.affine(p, head, u) for head in self.heads], backward


def windows(x):
    """The 3 x 3 patches of 4 x 4 images.   (M, 4, 4) -> (M, 2, 2, 9)"""
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2)).reshape(len(x), 2, 2, 9)


def made(seed):
    """(functions and declarations as `check_vae` takes them, what the program is made of)."""
    c = draw(seed)
    style, K = c["style"], 4
    encoder = Chain("enc", c["encoder_depth"], ["mu", "lv"], c["unit"], c["biases"])
    heads = ["out", "outv"] if c["decoder"] == "gaussian" else ["out"]
    decoder = Chain("dec", c["decoder_depth"], heads, c["unit"], c["biases"])
    conv, labels = style == "convolution", style == "labels"
    f, slope = UNITS[c["unit"]]

    def parameters(D, H, J):
        n_in = 4 * 3 + 3 if conv else D + K * labels
        shapes = {"kernel": (9, 3)} if conv else {}
        shapes |= encoder.shapes(n_in, H + 1, [J, J]) | decoder.shapes(J + K * labels, H + 2, [D] * len(heads))
        zeros = {name: np.zeros(shape) for name, shape in shapes.items()}
        return [zeros[name] for name in sorted(zeros)] if style == "list" else zeros

    def by_name(p):
        names = sorted(parameters_shapes(p)) if style == "list" else None
        return dict(zip(names, p)) if names else p

    def parameters_shapes(p):
        return sorted(name for name in [*encoder.shapes(1, 1, [1, 1]), *decoder.shapes(1, 1, [1] * len(heads))])

    def features(p, x):
        if not conv:
            return x, lambda d: {}
        patches = windows(x)
        a = patches @ p["kernel"]  # (M, 2, 2, 3)
        h = f(a)
        flat = h.reshape(len(x), 12)
        best = flat.reshape(len(x), 4, 3).argmax(axis=1)  # max-pooling beside the units themselves
        pooled = np.take_along_axis(flat.reshape(len(x), 4, 3), best[:, None], 1)[:, 0]

        def back(d):
            dh = d[:, :12].reshape(len(x), 4, 3).copy()
            np.put_along_axis(dh, best[:, None], np.take_along_axis(dh, best[:, None], 1) + d[:, None, 12:], 1)
            return {"kernel": np.einsum("mijk,mijc->kc", patches, dh.reshape(a.shape) * slope(a))}

        return np.hstack([flat, pooled]), back

    def encode_rows(p, x, y):
        u, back = features(p, x)
        if labels:
            u = np.hstack([u, y])
        (mu, lv), back_encode = encoder.forward(p, u)
        cut = np.clip(lv, -3, 3) if c["clip"] else lv
        inside = (abs(lv) < 3) * 1.0 if c["clip"] else 1.0

        def backward(dmu, dlv):
            d, du = back_encode(dmu, dlv * inside)
            return d | back(du)

        return mu, cut, backward

    def passed(p, x, eps, y=None):
        images = x
        x = x.reshape(len(x), -1)
        mu, lv, back_encode = encode_rows(p, images if conv else x, y)
        s = np.exp(lv / 2)
        z = mu + s * eps
        outputs, back_decode = decoder.forward(p, np.hstack([z, y]) if labels else z)
        a = outputs[0]
        if c["decoder"] == "bernoulli":
            loss, da = (np.logaddexp(0, a) - x * a).sum(), [1 / (1 + np.exp(-a)) - x]
        elif c["decoder"] == "gaussian":
            v, e = outputs[1], a - x
            loss = 0.5 * (np.log(2 * np.pi) + v + e**2 * np.exp(-v)).sum()
            da = [e * np.exp(-v), 0.5 * (1 - e**2 * np.exp(-v))]
        else:
            k = 1.0 if c["decoder"] == "squared error" else 0.5
            loss, da = k * ((a - x) ** 2).sum(), [2 * k * (a - x)]
        w = c["kl_weight"]
        loss = loss + w * 0.5 * (mu**2 + np.exp(lv) - 1 - lv).sum()
        unit = c["sign"] * -1.0 / (len(x) if c["mean"] else 1)

        def backward():
            d, dz = back_decode(*da)
            dz = dz[:, : eps.shape[1]]
            d |= back_encode(dz + w * mu, dz * eps * s / 2 + w * 0.5 * (np.exp(lv) - 1))
            return {name: unit * g for name, g in d.items()}

        return unit * loss, backward

    def turned(x, eps, *y):
        if style == "columns":
            return x.T, eps.T
        return (x[None], eps[None]) if style == "one row" else (x, eps, *y)

    def value(p, *data):
        return passed(by_name(p), *turned(*data))[0]

    def gradients(p, *data):
        d = passed(by_name(p), *turned(*data))[1]()
        return [d[name] for name in sorted(d)] if style == "list" else d

    def update(p, *data):
        for name, g in gradients(p, *data).items():
            p[name] -= 0.01 * g

    def encode(p, x, *y):
        x = x.T if style == "columns" else x[None] if style == "one row" else x
        mu, lv, _ = encode_rows(by_name(p), x if conv else x.reshape(len(x), -1), *(y or [None]))
        return (mu.T, lv.T) if style == "columns" else (mu[0], lv[0]) if style == "one row" else (mu, lv)

    def decode(p, z, *y):
        z = z.T if style == "columns" else z[None] if style == "one row" else z
        outputs, _ = decoder.forward(by_name(p), np.hstack([z, *y]) if labels else z)
        outputs = [a.T if style == "columns" else a[0] if style == "one row" else a for a in outputs]
        return tuple(outputs) if len(outputs) > 1 else outputs[0]

    known = {"columns": {"columns": True}, "one row": {"one_row": True}, "labels": {"labels": K},
             "convolution": {"shape": (4, 4)}}.get(style, {})  # fmt: skip
    functions = {"value": value, "parameters": parameters, "network": "other", "decoder": c["decoder"]}
    functions |= {"update": update} if style == "update" else {"gradients": gradients}
    if c["declared"]:
        functions |= {"encode": encode, "decode": decode, "kl_weight": c["kl_weight"]}
    sizes = {"H": 3, "J": 3} | ({} if conv else {"D": 7})
    return functions | known | {"seed": seed % 1000, "sizes": sizes}, c
