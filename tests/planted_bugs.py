"""The bugs that have names, as patches of the package's own source: `mutants` plants them, `dictionary` compares."""

from planting import ALL, DECODER, ENCODER, Mutant

LAYERS, DENSITIES, SAMPLER = "layers.py", "distributions.py", "reparameterization/location_scale.py"
ROWS, NETWORKS, ESTIMATORS = "reparameterization/rows.py", "networks.py", "estimators.py"

TANH = "return dh * (1 - h**2)  # da"
SIGMOID = "return dy * y * (1 - y)  # da"
WEIGHTS, BIASES = "add_product(p.dW, x, dy)  # dW += x.T @ dy", "p.db += dy.sum(axis=0)"
BACK = "return dy @ p.W.T if inputs else None  # dx"
PIXELS = "return dlog_p[:, None] * (x - y)  # dlogits"
GAUSSIAN = "return -dmu, dmu, 0.5 * d * (square - 1)  # dx, dmu, dlog_var"
KL = "return d * mu, 0.5 * d * (var - 1)  # dmu, dlog_var"
SAMPLE = "return like(dz, mu), like(0.5 * noise * dz, log_var)  # dmu, dlog_var"
COPIES = "return dmu.reshape(L, M, J).sum(axis=0), dlog_var.reshape(L, M, J).sum(axis=0)"
FIRST_HEAD = "dh = back_log_var(dlog_var, parameters=parameters)  # 4"
SECOND_HEAD = "dh += back_mean(dmu, parameters=parameters)  # 3  h feeds two layers: gradients add"
TO_HEADS = "return back_forward(dmu, dlog_var, inputs, parameters)  # du"
TO_Z = "dz = back_decode(back_mean(dbound))  # 7 6 5\n        dmu_z"
FROM_KL = "dmu, dlog_var = back_kl(-dbound)  # 7 2"
TO_ENCODER = "back_encode(dmu + dmu_z, dlog_var + dlog_var_z, inputs=False)  # 1"
MEAN = "return np.tile(dmean / L, L)"


def both(name: str, file: str, find: str, instead: str, text: str) -> list[Mutant]:
    """The same bug in the decoder, in the encoder, and in both."""
    return [
        Mutant(f"{name}: {who}", file, find, instead, who, f"{where}: {text}")
        for who, where in ((DECODER, "decoder"), (ENCODER, "encoder"), (ALL, "decoder and encoder"))
    ]


MUTANTS: list[Mutant] = [
    *both("no slope of tanh", LAYERS, TANH, "return dh * 1.0", "the slope of tanh, 1 - h^2, is missing"),
    *both("tanh of a", LAYERS, TANH, "return dh * (1 - a**2)", "the slope of tanh is 1 - a^2, with a before the tanh"),
    *both(
        "tanh without the square", LAYERS, TANH, "return dh * (1 - h)", "the slope of tanh is 1 - h; the square is lost"
    ),
    *both(
        "slope of a sigmoid",
        LAYERS,
        TANH,
        "return dh * h * (1 - h)",
        "h (1 - h) is the slope of a sigmoid, not of tanh",
    ),
    *both("tanh of h", LAYERS, TANH, "return dh * (1 - np.tanh(h) ** 2)", "tanh was taken of h once more in its slope"),
    *both("slope twice", LAYERS, TANH, "return dh * (1 - h**2) ** 2", "the slope of tanh is applied twice"),
    *both(
        "mean for biases",
        LAYERS,
        BIASES,
        "p.db += dy.mean(axis=0)",
        "the biases get the mean over the rows, not the sum",
    ),
    *both(
        "mean for weights",
        LAYERS,
        WEIGHTS,
        "p.dW += x.T @ dy / len(x)",
        "the weights get the mean over the rows, not the sum",
    ),
    *both(
        "bias scalar", LAYERS, BIASES, "p.db += dy.sum()", "the biases get the sum over everything, not over the rows"
    ),
    *both("bias of one row", LAYERS, BIASES, "p.db += dy[0]", "the biases get the first row only"),
    *both("bias of the last row", LAYERS, BIASES, "p.db += dy[-1]", "the biases get the last row only"),
    *both("bias forgotten", LAYERS, BIASES, "pass", "the gradient of the biases was never filled in"),
    *both(
        "weights by reshape",
        LAYERS,
        WEIGHTS,
        "p.dW += (dy.T @ x).reshape(p.W.shape)",
        "a reshape where a transpose belongs",
    ),
    *both(
        "tanh of the input",
        LAYERS,
        WEIGHTS,
        "p.dW += np.tanh(x).T @ dy",
        "the weights' gradient uses tanh of their input",
    ),
    *both(
        "weights updated",
        LAYERS,
        BACK,
        "return dy @ (p.W + 0.1 * x.T @ dy).T",
        "the gradient came back through weights already updated",
    ),
    *both("|W|", LAYERS, BACK, "return dy @ abs(p.W).T", "the gradient came back through |W|"),
    Mutant(
        "extra sigmoid slope",
        DENSITIES,
        PIXELS,
        "y = sigmoid(logits)\n        return dlog_p[:, None] * (x - y) * y * (1 - y)",
        DECODER,
        "extra y (1 - y): with the cross-entropy it cancels against the slope of the sigmoid",
    ),
    Mutant(
        "logits for probabilities",
        DENSITIES,
        PIXELS,
        "return dlog_p[:, None] * (x - logits)",
        DECODER,
        "x - a: the logits for the probabilities",
    ),
    Mutant(
        "y - x",
        DENSITIES,
        PIXELS,
        "return dlog_p[:, None] * (sigmoid(logits) - x)",
        DECODER,
        "y - x: the reconstruction has the wrong sign",
    ),
    Mutant(
        "derivative in y",
        DENSITIES,
        PIXELS,
        "y = sigmoid(logits)\n        return dlog_p[:, None] * (x - y) / (y * (1 - y))",
        DECODER,
        "(x - y) / (y (1 - y)) is the derivative in y; the slope of the sigmoid is missing",
    ),
    Mutant(
        "no precision",
        DENSITIES,
        "dmu = d * scaled",
        "dmu = d * difference",
        DECODER,
        "1 / sigma^2 is missing in the gradient of the decoder's mean",
    ),
    Mutant(
        "deviation for variance",
        DENSITIES,
        "dmu = d * scaled",
        "dmu = d * difference * np.sqrt(precision)",
        DECODER,
        "1 / sigma for 1 / sigma^2 in the gradient of the decoder's mean",
    ),
    Mutant(
        "m - x",
        DENSITIES,
        "return -dmu, dmu, 0.5",
        "return -dmu, -dmu, 0.5",
        DECODER,
        "the gradient of the decoder's mean has the wrong sign",
    ),
    Mutant(
        "variance without half",
        DENSITIES,
        GAUSSIAN,
        "return -dmu, dmu, d * (square - 1)",
        DECODER,
        "the 1/2 of the decoder's log-variance is missing",
    ),
    Mutant(
        "variance's sign",
        DENSITIES,
        GAUSSIAN,
        "return -dmu, dmu, 0.5 * d * (1 - square)",
        DECODER,
        "the gradient of the decoder's log-variance has the wrong sign",
    ),
    Mutant(
        "variance without 1",
        DENSITIES,
        GAUSSIAN,
        "return -dmu, dmu, 0.5 * d * square",
        DECODER,
        "the -1 in the gradient of the decoder's log-variance is missing",
    ),
    Mutant(
        "no slope of the mean's sigmoid",
        LAYERS,
        SIGMOID,
        "return dy * 1.0",
        DECODER,
        "the slope m (1 - m) of the decoder's mean is missing",
    ),
    Mutant(
        "sigmoid slope of a",
        LAYERS,
        SIGMOID,
        "return dy * a * (1 - a)",
        DECODER,
        "the slope of the mean's sigmoid is taken before the sigmoid",
    ),
    *both(
        "only the mean head",
        NETWORKS,
        FIRST_HEAD,
        "back_log_var(dlog_var, parameters=parameters)\n            dh = 0.0",
        "the hidden layer gets nothing from the log-variance head",
    ),
    *both(
        "only the variance head",
        NETWORKS,
        SECOND_HEAD,
        "back_mean(dmu, parameters=parameters)",
        "the hidden layer gets nothing from the mean head",
    ),
    *both(
        "head subtracted",
        NETWORKS,
        SECOND_HEAD,
        "dh -= back_mean(dmu, parameters=parameters)",
        "the mean head's gradient is subtracted where it should be added",
    ),
    Mutant(
        "heads swapped",
        ESTIMATORS,
        TO_ENCODER,
        "back_encode(dlog_var + dlog_var_z, dmu + dmu_z, inputs=False)",
        ALL,
        "the gradients of mu and log_var have changed places",
    ),
    Mutant(
        "decoder's heads swapped",
        NETWORKS,
        TO_HEADS,
        "return back_forward(dlog_var, dmu, inputs, parameters)",
        DECODER,
        "the gradients of the decoder's mean and log-variance have changed places",
    ),
    Mutant("KL left out", ESTIMATORS, FROM_KL, "dmu = dlog_var = 0.0", ALL, "the KL is left out of the gradient"),
    Mutant(
        "KL's sign",
        ESTIMATORS,
        FROM_KL,
        "dmu, dlog_var = back_kl(dbound)",
        ALL,
        "the KL enters the gradient with the wrong sign",
    ),
    Mutant(
        "KL averaged",
        ESTIMATORS,
        FROM_KL,
        "dmu, dlog_var = back_kl(-dbound / len(x))",
        ALL,
        "the KL is averaged over the rows, the reconstruction is summed",
    ),
    Mutant(
        "KL for every sample",
        ESTIMATORS,
        FROM_KL,
        "dmu, dlog_var = back_kl(-dbound * L)",
        ALL,
        "the KL is counted once for each sample",
    ),
    Mutant(
        "KL without mu",
        DENSITIES,
        KL,
        "return 0 * d * mu, 0.5 * d * (var - 1)",
        ALL,
        "the KL's gradient in mu is missing",
    ),
    Mutant(
        "KL without log_var",
        DENSITIES,
        KL,
        "return d * mu, 0 * d * (var - 1)",
        ALL,
        "the KL's gradient in log sigma^2 is missing",
    ),
    Mutant(
        "KL without half",
        DENSITIES,
        KL,
        "return d * mu, d * (var - 1)",
        ALL,
        "the 1/2 of the KL's gradient in log sigma^2 is missing",
    ),
    Mutant(
        "KL in sigma",
        DENSITIES,
        KL,
        "return d * mu, d * (np.sqrt(var) - 1 / np.sqrt(var))",
        ALL,
        "this is the KL's derivative in sigma, not in log sigma^2",
    ),
    Mutant(
        "KL in sigma^2",
        DENSITIES,
        KL,
        "return d * mu, 0.5 * d * (1 - 1 / var)",
        ALL,
        "this is the KL's derivative in sigma^2, not in log sigma^2",
    ),
    Mutant(
        "KL with sigma",
        DENSITIES,
        KL,
        "return d * mu, 0.5 * d * (np.sqrt(var) - 1)",
        ALL,
        "the KL's gradient has sigma where sigma^2 belongs",
    ),
    Mutant(
        "KL with half mu",
        DENSITIES,
        KL,
        "return 0.5 * d * mu, 0.5 * d * (var - 1)",
        ALL,
        "a 1/2 too much in the KL's gradient in mu",
    ),
    Mutant(
        "sigma lost",
        SAMPLER,
        SAMPLE,
        "return like(dz, mu), like(0.5 * eps * dz, log_var)",
        ALL,
        "dz / dlog sigma^2 has lost its sigma: it is eps sigma / 2",
    ),
    Mutant(
        "half lost",
        SAMPLER,
        SAMPLE,
        "return like(dz, mu), like(noise * dz, log_var)",
        ALL,
        "dz / dlog sigma^2 has lost its 1/2: eps sigma is dz / dlog sigma",
    ),
    Mutant(
        "sigma squared",
        SAMPLER,
        SAMPLE,
        "return like(dz, mu), like(0.5 * np.exp(log_var) * eps * dz, log_var)",
        ALL,
        "sigma^2 where sigma belongs in dz / dlog sigma^2",
    ),
    Mutant(
        "dz in sigma",
        SAMPLER,
        SAMPLE,
        "return like(dz, mu), like(eps * dz, log_var)",
        ALL,
        "eps is dz / dsigma; go on to log sigma^2 by the chain rule",
    ),
    Mutant(
        "eps lost",
        SAMPLER,
        SAMPLE,
        "return like(dz, mu), like(0.5 * np.exp(0.5 * log_var) * dz, log_var)",
        ALL,
        "dz / dlog sigma^2 has lost its eps",
    ),
    Mutant(
        "z for the noise",
        SAMPLER,
        SAMPLE,
        "return like(dz, mu), like(0.5 * z * dz, log_var)",
        ALL,
        "z / 2 for (z - mu) / 2 in dz / dlog sigma^2",
    ),
    Mutant(
        "other rows' eps",
        SAMPLER,
        SAMPLE,
        "return like(dz, mu), like(0.5 * np.exp(0.5 * log_var) * eps[::-1] * dz, log_var)",
        ALL,
        "the backward uses the eps of other rows",
    ),
    Mutant(
        "nothing through sigma",
        SAMPLER,
        SAMPLE,
        "return like(dz, mu), like(0 * noise * dz, log_var)",
        ALL,
        "the reconstruction's gradient does not come through sigma",
    ),
    Mutant(
        "nothing through mu",
        SAMPLER,
        SAMPLE,
        "return like(0 * dz, mu), like(0.5 * noise * dz, log_var)",
        ALL,
        "the reconstruction's gradient does not come through mu",
    ),
    Mutant(
        "first sample only",
        ROWS,
        COPIES,
        "return dmu.reshape(L, M, J)[0], dlog_var.reshape(L, M, J)[0]",
        ALL,
        "only the first sample's gradient reaches the encoder",
    ),
    Mutant(
        "samples averaged twice",
        ROWS,
        COPIES,
        "return dmu.reshape(L, M, J).mean(axis=0), dlog_var.reshape(L, M, J).mean(axis=0)",
        ALL,
        "the samples are averaged twice on the way to the encoder",
    ),
    Mutant(
        "samples in the wrong order",
        ROWS,
        COPIES,
        "return dmu.reshape(M, L, J).sum(axis=1), dlog_var.reshape(M, L, J).sum(axis=1)",
        ALL,
        "rows and samples are mixed up where the samples are summed",
    ),
    Mutant(
        "samples summed",
        ESTIMATORS,
        MEAN,
        "return np.tile(dmean, L)",
        ALL,
        "the samples are summed, not averaged: 1/L is missing",
    ),
    Mutant(
        "reconstruction averaged",
        ESTIMATORS,
        TO_Z,
        "dz = back_decode(back_mean(dbound) / len(x))  # 7 6 5\n        dmu_z",
        ALL,
        "the reconstruction is averaged over the rows, the KL is summed",
    ),
    Mutant(
        "reconstruction summed",
        ESTIMATORS,
        TO_Z,
        "dz = back_decode(back_mean(dbound) * len(x))  # 7 6 5\n        dmu_z",
        ALL,
        "the reconstruction has lost its 1/M",
    ),
    Mutant(
        "mean over pixels",
        ESTIMATORS,
        TO_Z,
        "dz = back_decode(back_mean(dbound) / x.shape[1])  # 7 6 5\n        dmu_z",
        ALL,
        "the reconstruction's gradient is the mean over the pixels, not the sum",
    ),
]
