"""Every `backward` in the core is the derivative of the lines above it.

Each function is a case: the function and the arguments that have a gradient. For random weights w the scalar
sum(w * values) is differentiated numerically in every number of every argument, and `backward(w)` has to agree.
All sizes are different primes, so that no sum over the wrong axis and no missing transpose can go unnoticed.
"""

from functools import partial

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from finite_differences import complex_step, relative_error, richardson

from aevb_np.aevb import AEVB
from aevb_np.distributions import bernoulli_log_prob, gaussian_kl, gaussian_log_prob, standard_normal_log_prob
from aevb_np.estimators import mean_of_samples, score_function, sgvb_a, sgvb_b
from aevb_np.full_vb import full_a, full_b
from aevb_np.layers import HIDDEN_UNITS, affine, at_least, sigmoid
from aevb_np.model import VAE
from aevb_np.networks import BernoulliMLP, GaussianMLP, affine_shapes
from aevb_np.optimizers import SGD, Adagrad, Adam
from aevb_np.params import Params
from aevb_np.reparameterization import gaussian, repeat_rows
from aevb_np.streams import stream

M, D, J, L = 7, 11, 2, 3  # datapoints, dims of x, dims of z, samples
H, K = 5, 13  # hidden units of the decoder and of the encoder
FLOOR = -0.27  # of the log-variance; none of the cases has one so near to it that a difference steps across


class Draw:
    """Random numbers to test with: always the same ones, in the dtype asked for, read-only on request."""

    def __init__(self, dtype=np.float64, writeable=True, seed=0):
        self.rng = np.random.default_rng(seed)
        self.dtype, self.writeable = dtype, writeable

    def finish(self, numbers):
        numbers = numbers.astype(self.dtype)
        numbers.flags.writeable = self.writeable
        return numbers

    def normal(self, *shape):
        return self.finish(self.rng.standard_normal(shape))

    def bits(self, *shape):
        return self.finish(self.rng.integers(0, 2, shape))

    def params(self, shapes):
        """Parameters of scale 0.5: far from the nearly linear start, where slips hide."""
        size = Params(shapes).flat.size
        return Params(shapes, self.finish(0.5 * self.rng.standard_normal(size)), np.zeros(size, self.dtype))


def model_of(kind):
    decoder = {
        "bernoulli": lambda: BernoulliMLP(J, H, D),
        "gaussian": lambda: GaussianMLP(J, H, D, sigmoid_mean=True),
        "gaussian floored": lambda: GaussianMLP(J, H, D, log_var_floor=FLOOR),
    }[kind]()
    return VAE(decoder, GaussianMLP(D, K, J))


def data_for(model, draw, rows=M):
    return draw.bits(rows, D) if isinstance(model.decoder, BernoulliMLP) else draw.normal(rows, D)


# ---- The cases: a name -> what takes a Draw and gives (function, the arguments that have a gradient) ----


def forward_case(network, draw):
    return network.forward, {"p": draw.params(network.shapes), "u": draw.normal(M, network.n_in)}


def log_prob_case(network, draw):
    bits = isinstance(network, BernoulliMLP)
    v = draw.bits(M, network.n_out) if bits else draw.normal(M, network.n_out)
    return partial(network.log_prob, v=v), {"p": draw.params(network.shapes), "u": draw.normal(M, network.n_in)}


def log_joint_case(kind, draw):
    model = model_of(kind)
    x = data_for(model, draw)
    return partial(model.log_joint, x=x), {"theta": draw.params(model.shapes["theta"]), "z": draw.normal(M, J)}


def estimator_case(estimator, kind, samples, draw):
    model = model_of(kind)
    noisy = partial(estimator, model, x=data_for(model, draw), eps=draw.normal(samples * M, J))
    return noisy, {name: draw.params(model.shapes[name]) for name in ("theta", "phi")}


def full_case(estimator, kind, samples, draw):
    model = model_of(kind)
    decoder, encoder = model.decoder.shapes, model.encoder.shapes
    p = draw.params({"theta": decoder, "theta_log_var": decoder, "phi": encoder})
    noise = {"eps": draw.normal(samples * M, J), "zeta": draw.normal(1, p.theta.flat.size)}
    return partial(estimator, model, x=data_for(model, draw), **noise), {"p": p}


CASES = {
    "affine": lambda draw: (affine, {"p": draw.params(affine_shapes(H, D)), "x": draw.normal(M, H)}),
    **{name: lambda draw, unit=unit: (unit, {"a": draw.normal(M, H)}) for name, unit in HIDDEN_UNITS.items()},
    "sigmoid": lambda draw: (sigmoid, {"a": draw.normal(M, H)}),
    "at_least": lambda draw: (partial(at_least, FLOOR), {"a": draw.normal(M, H)}),
    "gaussian_log_prob": lambda draw: (
        gaussian_log_prob,
        {"x": draw.normal(M, D), "mu": draw.normal(M, D), "log_var": draw.normal(M, D)},
    ),
    "standard_normal_log_prob": lambda draw: (standard_normal_log_prob, {"z": draw.normal(M, J)}),
    "bernoulli_log_prob": lambda draw: (partial(bernoulli_log_prob, draw.bits(M, D)), {"logits": draw.normal(M, D)}),
    "gaussian_kl": lambda draw: (gaussian_kl, {"mu": draw.normal(M, J), "log_var": draw.normal(M, J)}),
    "gaussian": lambda draw: (
        partial(gaussian, eps=draw.normal(M, J)),
        {"mu": draw.normal(M, J), "log_var": draw.normal(M, J)},
    ),
    "repeat_rows": lambda draw: (partial(repeat_rows, L=L), {"mu": draw.normal(M, J), "log_var": draw.normal(M, J)}),
    "mean_of_samples": lambda draw: (partial(mean_of_samples, L=L), {"f": draw.normal(L * M)}),
}
NETWORKS = {
    "BernoulliMLP": BernoulliMLP(J, H, D),
    "GaussianMLP": GaussianMLP(J, H, D),
    "GaussianMLP, sigmoid mean": GaussianMLP(J, H, D, sigmoid_mean=True),
    "GaussianMLP, floor": GaussianMLP(J, H, D, log_var_floor=FLOOR),
    "GaussianMLP, sigmoid mean, floor": GaussianMLP(J, H, D, sigmoid_mean=True, log_var_floor=FLOOR),
}
for _unit in ("relu", "softplus"):
    NETWORKS[f"BernoulliMLP, {_unit}"] = BernoulliMLP(J, H, D, unit=_unit)
    NETWORKS[f"GaussianMLP, {_unit}"] = GaussianMLP(J, H, D, unit=_unit)
for _name, _network in NETWORKS.items():
    CASES[f"{_name}: forward"] = partial(forward_case, _network)
    CASES[f"{_name}: log_prob"] = partial(log_prob_case, _network)
for _kind in ("bernoulli", "gaussian", "gaussian floored"):
    CASES[f"log_joint, {_kind}"] = partial(log_joint_case, _kind)
    for _samples in (1, L):
        CASES[f"sgvb_a, {_kind}, L = {_samples}"] = partial(estimator_case, sgvb_a, _kind, _samples)
        CASES[f"sgvb_b, {_kind}, L = {_samples}"] = partial(estimator_case, sgvb_b, _kind, _samples)
        CASES[f"full_a, {_kind}, L = {_samples}"] = partial(full_case, full_a, _kind, _samples)
        CASES[f"full_b, {_kind}, L = {_samples}"] = partial(full_case, full_b, _kind, _samples)

EVERY = pytest.mark.parametrize("name", CASES)
WITH_PARAMETERS = [name for name, case in CASES.items() if any(isinstance(a, Params) for a in case(Draw())[1].values())]
ASKED_FOR_LESS = [name for name in WITH_PARAMETERS if not name.startswith(("sgvb", "full"))]


# ---- What the tests have in common ----


def as_tuple(values):
    return values if isinstance(values, tuple) else (values,)


def weights_for(function, arguments, draw):
    """Random numbers to hand to `backward`, one array for every value of the function."""
    return [draw.normal(*y.shape) for y in as_tuple(function(**arguments)[0])]


def weighted_sum(function, arguments, weights):
    """The scalar whose gradient is `backward(*weights)`."""
    values, _ = function(**arguments)
    return sum((w * y).sum() for w, y in zip(weights, as_tuple(values)))


def by_backward(function, arguments, weights):
    """The gradient in every input and in every array of the parameters, by name, from one call of `backward`."""
    inputs = [name for name, a in arguments.items() if not isinstance(a, Params)]
    params = {name: a for name, a in arguments.items() if isinstance(a, Params)}
    for p in params.values():
        p.grad[:] = 0
    _, backward = function(**arguments)
    gradients = dict(zip(inputs, as_tuple(backward(*weights))))
    for name, p in params.items():
        gradients |= {full_name: dW.copy() for full_name, _, dW in p.arrays(f"{name}.")}
    return gradients


def numerically(differences, function, arguments, weights):
    """The same gradients, measured."""
    gradients = {}
    for name, a in arguments.items():
        arrays = [(full, W) for full, W, _ in a.arrays(f"{name}.")] if isinstance(a, Params) else [(name, a)]
        for full_name, array in arrays:
            gradients[full_name] = differences(lambda: weighted_sum(function, arguments, weights), array)
    return gradients


def as_complex(a):
    return Params(a.shapes, a.flat + 0j) if isinstance(a, Params) else a + 0j


def errors(differences, name):
    """||backward - measured|| / ||measured|| for every array of a case."""
    draw = Draw()
    function, arguments = CASES[name](draw)
    weights = weights_for(function, arguments, draw)
    derived = by_backward(function, arguments, weights)
    if differences is complex_step:
        arguments = {n: as_complex(a) for n, a in arguments.items()}
    measured = numerically(differences, function, arguments, weights)
    assert derived.keys() == measured.keys()
    return {n: relative_error(derived[n], measured[n]) for n in measured}


# ---- The gradients are right ----


@EVERY
def test_complex_step(name):
    """Each backward agrees with the complex step to twelve digits."""
    wrong = {n: error for n, error in errors(complex_step, name).items() if not error < 1e-12}
    assert not wrong


@EVERY
def test_richardson(name):
    """Each backward agrees with extrapolated central differences, which know nothing of complex numbers."""
    wrong = {n: error for n, error in errors(richardson, name).items() if not error < 1e-8}
    assert not wrong


@pytest.mark.parametrize("name", ["at_least", "GaussianMLP, floor: forward"])
def test_the_floor_holds_in_places(name):
    """A floor that always or never held would not test its gradient."""
    function, arguments = CASES[name](Draw())
    y = as_tuple(function(**arguments)[0])[-1]
    assert 0.1 < (y == FLOOR).mean() < 0.9


def test_autograd():
    """The bound of the Bernoulli VAE, written once more and differentiated by a machine, has the same gradient."""
    model, draw = model_of("bernoulli"), Draw()
    p, x, eps = draw.params(model.shapes), draw.bits(M, D), draw.normal(L * M, J)

    def mean_bound(arrays):
        W1, b1, W2, b2, W3, b3, W4, b4, W5, b5 = arrays
        h = anp.tanh(x @ W3 + b3)
        mu, log_var = h @ W4 + b4, h @ W5 + b5
        log_px = 0
        for noise in eps.reshape(L, M, J):
            z = mu + anp.exp(log_var / 2) * noise
            y = 1 / (1 + anp.exp(-(anp.tanh(z @ W1 + b1) @ W2 + b2)))
            log_px += anp.sum(x * anp.log(y) + (1 - x) * anp.log(1 - y), axis=1) / L
        kl = -0.5 * anp.sum(1 + log_var - mu**2 - anp.exp(log_var), axis=1)
        return anp.mean(log_px - kl)

    value, derivative = autograd.value_and_grad(mean_bound)([array for _, array, _ in p.arrays()])
    bound, backward = sgvb_b(model, p.theta, p.phi, x, eps)
    backward(np.full(M, 1 / M))
    assert bound.mean() == pytest.approx(value, rel=1e-13)
    for (name, _, gradient), expected in zip(p.arrays(), derivative):
        assert relative_error(gradient, expected) < 1e-10, name


# ---- The rules that every backward keeps ----


@pytest.mark.parametrize("name", WITH_PARAMETERS)
def test_backward_adds(name):
    """A second call of `backward` doubles the gradient of the parameters: it adds, and whoever ascends zeroes."""
    draw = Draw()
    function, arguments = CASES[name](draw)
    weights = weights_for(function, arguments, draw)
    once = by_backward(function, arguments, weights)
    _, backward = function(**arguments)
    backward(*weights)
    for label, p in arguments.items():
        if isinstance(p, Params):
            for full_name, _, twice in p.arrays(f"{label}."):
                np.testing.assert_allclose(twice, 2 * once[full_name], rtol=1e-12)


@pytest.mark.parametrize("name", ASKED_FOR_LESS)
def test_no_gradient_in_the_inputs(name):
    """With inputs=False there is none, and the gradient of the parameters is the same."""
    draw = Draw()
    function, arguments = CASES[name](draw)
    weights = weights_for(function, arguments, draw)
    whole = by_backward(function, arguments, weights)
    (label, p), *_ = arguments.items()
    p.grad[:] = 0
    _, backward = function(**arguments)
    assert backward(*weights, inputs=False) is None
    for full_name, _, gradient in p.arrays(f"{label}."):
        np.testing.assert_array_equal(gradient, whole[full_name])


@pytest.mark.parametrize("name", ASKED_FOR_LESS)
def test_no_gradient_in_the_parameters(name):
    """With parameters=False theirs stays as it was, to the last bit, and the gradient of the input is the same."""
    draw = Draw()
    function, arguments = CASES[name](draw)
    weights = weights_for(function, arguments, draw)
    whole = by_backward(function, arguments, weights)
    (_, p), (inputs, _) = arguments.items()
    p.grad[:] = before = draw.normal(p.grad.size)
    _, backward = function(**arguments)
    np.testing.assert_array_equal(backward(*weights, parameters=False), whole[inputs])
    np.testing.assert_array_equal(p.grad, before)


@EVERY
def test_nothing_that_was_given_is_written_to(name):
    """No function writes into its arguments, and no backward into the gradient it is given: all are read-only here."""
    draw = Draw(writeable=False)
    function, arguments = CASES[name](draw)
    by_backward(function, arguments, weights_for(function, arguments, draw))


@EVERY
def test_float32_stays_float32(name):
    """Single precision goes in, single precision comes out: values, gradients, and close to those of float64."""
    draw = Draw(np.float32)
    function, arguments = CASES[name](draw)
    weights = weights_for(function, arguments, draw)
    values, _ = function(**arguments)
    gradients = by_backward(function, arguments, weights)
    for array in (*as_tuple(values), *gradients.values()):
        assert array.dtype == np.float32

    draw = Draw(np.float64)
    function, arguments = CASES[name](draw)
    for n, expected in by_backward(function, arguments, weights_for(function, arguments, draw)).items():
        assert relative_error(gradients[n], expected) < 1e-5


@pytest.mark.parametrize("estimator", [sgvb_a, sgvb_b, score_function])
@pytest.mark.parametrize("optimizer", [SGD, Adagrad, Adam])
@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_float32_through_a_step(kind, optimizer, estimator):
    """A step of training keeps bound, parameters, gradient and the optimiser's memory in single precision."""
    model, draw = model_of(kind), Draw(np.float32)
    p = draw.params(model.shapes)
    aevb = AEVB(model, p, optimizer(step=0.01), N=100, L=L, estimator=estimator)
    for t in range(2):
        bound = aevb.step(data_for(model, draw), np.arange(M), stream("noise", 0, t))
    for array in (bound, p.flat, p.grad, p.theta.hidden.W, *aevb.ascent.optimizer.arrays.values()):
        assert array.dtype == np.float32


def test_what_has_no_place_of_its_own_is_refused():
    for shapes in ({"W": (2,), "dW": (2,)}, {"dW": (2,), "W": (2,)}):  # dW would be the array's and W's gradient
        with pytest.raises(ValueError, match="two things would be called"):
            Params(shapes)
    model = model_of("bernoulli")
    p = model.init(stream("init", 0))
    with pytest.raises(ValueError, match="N, the datapoints in the training set, is 1 or more; got 0"):
        AEVB(model, p, SGD(step=0.1), N=0)
    with pytest.raises(ValueError, match=r"the noise for 0 datapoints is \(L \* 0"):
        sgvb_b(model, p.theta, p.phi, np.zeros((0, model.D)), np.zeros((0, model.J)))
