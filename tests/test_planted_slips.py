"""The tests are tested: each slip is planted in a copy of the package, and the test that is named for it must fail.

A slip is a text that occurs exactly once in its file, and what stands there instead. Some are made consistently,
forward and backward. No gradient check can see those, for the gradient of the wrong formula is right; a fact has to.
"""

import importlib
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import aevb_np

PACKAGE = Path(aevb_np.__file__).parent
OF_THE_TESTS = {path.stem for path in Path(__file__).parent.glob("*.py")}


class Slip(NamedTuple):
    what: str
    file: str
    find: str
    instead: str
    caught_by: str  # "module test", with "module test: argument" for one of the cases of a parametrised test
    unseen_by: str = ""  # a test that passes all the same


SLIPS = [
    # Layers
    Slip(
        "tanh without its derivative",
        "layers.py",
        "return dh * (1 - h**2)  # da",
        "return dh * 1.0",
        "test_gradients test_complex_step: tanh",
    ),
    Slip(
        "tanh' at the value instead of at the activation",
        "layers.py",
        "return dh * (1 - h**2)  # da",
        "return dh * (1 - np.tanh(h) ** 2)",
        "test_gradients test_richardson: BernoulliMLP: forward",
    ),
    Slip(
        "a backward that writes into the gradient it was given",
        "layers.py",
        "return dh * (1 - h**2)  # da",
        "dh *= 1 - h**2\n        return dh",
        "test_gradients test_nothing_that_was_given_is_written_to: tanh",
        "test_gradients test_complex_step: sgvb_b, gaussian, L = 3",
    ),
    Slip(
        "a gradient of W written over instead of added",
        "layers.py",
        "add_product(p.dW, x, dy)",
        "p.dW[...] = x.T @ dy",
        "test_gradients test_backward_adds: affine",
        "test_gradients test_complex_step: affine",
    ),
    Slip(
        "a bias that gets the mean over the rows",
        "layers.py",
        "p.db += dy.sum(axis=0)",
        "p.db += dy.mean(axis=0)",
        "test_gradients test_complex_step: affine",
    ),
    Slip(
        "a floor that lets the gradient through",
        "layers.py",
        "return np.where(held, 0, dy)",
        "return dy * 1.0",
        "test_gradients test_complex_step: at_least",
    ),
    Slip(
        "softplus with the slope of its value",
        "layers.py",
        "return dh * numerics.sigmoid(a)",
        "return dh * numerics.sigmoid(h)",
        "test_gradients test_complex_step: softplus",
    ),
    # Densities
    Slip(
        "the Gaussian without log 2 pi",
        "distributions.py",
        "(log_var + square + LOG_2PI)",
        "(log_var + square)",
        "test_facts test_gaussian_integrates_to_one",
        "test_gradients test_complex_step: gaussian_log_prob",
    ),
    Slip(
        "a constant that is a NumPy scalar",
        "distributions.py",
        "math.log(2 * math.pi)",
        "np.log(2 * np.pi)",
        "test_gradients test_float32_stays_float32: gaussian_log_prob",
        "test_gradients test_complex_step: gaussian_log_prob",
    ),
    Slip(
        "the missing 1/2 in the gradient of the log-variance",
        "distributions.py",
        "return -dmu, dmu, 0.5 * d * (square - 1)",
        "return -dmu, dmu, d * (square - 1)",
        "test_gradients test_complex_step: gaussian_log_prob",
    ),
    Slip(
        "the mean over the pixels instead of the sum",
        "distributions.py",
        'np.einsum("mi,mi->m", x, logits) - log_1_y.sum(axis=1)',
        "(x * logits - log_1_y).mean(axis=1)",
        "test_facts test_bernoulli_sums_to_one",
    ),
    Slip(
        "the KL with log sigma for log sigma^2, its gradient to match",
        "distributions.py",
        "kl = 0.5 * (mu**2 + var - 1 - log_var).sum(axis=1)  # (M,)\n\n    def backward(dkl):\n"
        "        d = dkl[:, None]\n        return d * mu, 0.5 * d * (var - 1)",
        "kl = 0.5 * (mu**2 + var - 1 - 0.5 * log_var).sum(axis=1)  # (M,)\n\n    def backward(dkl):\n"
        "        d = dkl[:, None]\n        return d * mu, 0.5 * d * (var - 0.5)",
        "test_facts test_kl_is_the_mean_of_log_q_minus_log_p",
        "test_gradients test_complex_step: gaussian_kl",
    ),
    Slip(
        "the sign of sigma^2 - 1 in the KL's gradient",
        "distributions.py",
        "return d * mu, 0.5 * d * (var - 1)",
        "return d * mu, 0.5 * d * (1 - var)",
        "test_gradients test_complex_step: gaussian_kl",
    ),
    Slip(
        "the variance as standard deviation in the sampler",
        "distributions.py",
        "mu + np.exp(0.5 * log_var) * rng",
        "mu + np.exp(log_var) * rng",
        "test_facts test_gaussian_sampler",
    ),
    Slip(
        "bits the wrong way round",
        "distributions.py",
        "dtype=logits.dtype) < sigmoid(logits)",
        "dtype=logits.dtype) > sigmoid(logits)",
        "test_facts test_bernoulli_sampler",
    ),
    Slip(
        "softplus as it is defined",
        "numerics.py",
        "y = np.minimum(a, 40)",
        "y = a.copy()",
        "test_facts test_numerics_far_out",
        "test_gradients test_complex_step: bernoulli_log_prob",
    ),
    # Reparameterisation
    Slip(
        "the variance as standard deviation in z, its gradient to match",
        "reparameterization/location_scale.py",
        "noise = np.exp(0.5 * log_var) * eps  # sigma * eps\n    z = mu + noise\n\n    def backward(dz):\n"
        "        return like(dz, mu), like(0.5 * noise * dz, log_var)",
        "noise = np.exp(log_var) * eps  # sigma * eps\n    z = mu + noise\n\n    def backward(dz):\n"
        "        return like(dz, mu), like(noise * dz, log_var)",
        "test_facts test_a_and_b_estimate_the_same_bound: bernoulli",
        "test_gradients test_complex_step: sgvb_b, bernoulli, L = 3",
    ),
    Slip(
        "the variance as standard deviation in z",
        "reparameterization/location_scale.py",
        "np.exp(0.5 * log_var) * eps",
        "np.exp(log_var) * eps",
        "test_facts test_reparameterised_samples",
    ),
    Slip(
        "dz / dlog_var without its 1/2",
        "reparameterization/location_scale.py",
        "like(0.5 * noise * dz, log_var)",
        "like(noise * dz, log_var)",
        "test_gradients test_complex_step: gaussian",
    ),
    Slip(
        "the noise drawn once more for the backward",
        "reparameterization/location_scale.py",
        "like(0.5 * noise * dz, log_var)",
        "0.5 * np.exp(0.5 * log_var) * np.random.default_rng(0).standard_normal(dz.shape) * dz",
        "test_gradients test_complex_step: sgvb_b, gaussian, L = 1",
    ),
    Slip(
        "rows repeated row-major",
        "reparameterization/rows.py",
        "np.tile(x, (L, 1))",
        "np.repeat(x, L, axis=0)",
        "test_facts test_l_samples_are_the_mean_of_single_ones_for_b: gaussian",
    ),
    # Networks
    Slip(
        "a head left out of the encoder's backward",
        "networks.py",
        "dh += back_mean(dmu, parameters=parameters)",
        "back_mean(dmu, parameters=parameters)",
        "test_gradients test_complex_step: GaussianMLP: forward",
    ),
    Slip(
        "dh overwritten by the second head",
        "networks.py",
        "dh += back_mean(dmu, parameters=parameters)",
        "dh = back_mean(dmu, parameters=parameters)",
        "test_gradients test_complex_step: sgvb_b, bernoulli, L = 1",
    ),
    Slip(
        "the sigmoid of the mean forgotten on the way back",
        "networks.py",
        "dmu = back_sigmoid(dmu)",
        "dmu = dmu * 1.0",
        "test_gradients test_complex_step: GaussianMLP, sigmoid mean: forward",
    ),
    Slip(
        "the gradients of mean and log-variance exchanged",
        "networks.py",
        "return back_forward(dmu, dlog_var, inputs, parameters)",
        "return back_forward(dlog_var, dmu, inputs, parameters)",
        "test_gradients test_complex_step: GaussianMLP: log_prob",
    ),
    Slip(
        "parameters that move although nobody asked",
        "networks.py",
        "dh = back_log_var(dlog_var, parameters=parameters)",
        "dh = back_log_var(dlog_var)",
        "test_gradients test_no_gradient_in_the_parameters: GaussianMLP: forward",
        "test_gradients test_complex_step: GaussianMLP: forward",
    ),
    # Model and estimators
    Slip(
        "the prior of z left out of the gradient",
        "model.py",
        "return dz + back_prior(dlog_p) if inputs else None",
        "return dz if inputs else None",
        "test_gradients test_complex_step: log_joint, bernoulli",
    ),
    Slip(
        "the start with 0.01 as the variance",
        "model.py",
        "p.flat[:] = 0.01 * rng",
        "p.flat[:] = 0.01**0.5 * rng",
        "test_facts test_the_start_is_small_and_the_same_in_every_precision",
    ),
    Slip(
        "the bound with the KL added, its gradient to match",
        "estimators.py",
        "bound = log_px - kl  # 7\n\n    def backward(dbound):\n"
        "        dz = back_decode(back_mean(dbound))  # 7 6 5\n"
        "        dmu_z, dlog_var_z = back_repeat(*back_sample(dz))  # 4 3\n"
        "        dmu, dlog_var = back_kl(-dbound)",
        "bound = log_px + kl  # 7\n\n    def backward(dbound):\n"
        "        dz = back_decode(back_mean(dbound))  # 7 6 5\n"
        "        dmu_z, dlog_var_z = back_repeat(*back_sample(dz))  # 4 3\n"
        "        dmu, dlog_var = back_kl(dbound)",
        "test_facts test_the_bound_lies_below_the_log_likelihood: bernoulli",
        "test_gradients test_complex_step: sgvb_b, bernoulli, L = 3",
    ),
    Slip(
        "the sign of the KL's gradient",
        "estimators.py",
        "back_kl(-dbound)",
        "back_kl(dbound)",
        "test_facts test_gradients_of_a_and_b_differ_by_known_noise: gaussian",
    ),
    Slip(
        "the noise drawn once more for log q",
        "estimators.py",
        "gaussian_log_prob(z, mu, log_var, eps=eps)  # 5\n    bound, back_fold",
        "gaussian_log_prob(gaussian(mu, log_var, eps[::-1])[0], mu, log_var)\n    bound, back_fold",
        "test_gradients test_complex_step: sgvb_a, bernoulli, L = 1",
        "test_facts test_a_and_b_estimate_the_same_bound: bernoulli",
    ),
    Slip(
        "log q differentiated through z only",
        "estimators.py",
        "back_repeat(dmu + dmu_q, dlog_var + dlog_var_q)",
        "back_repeat(dmu, dlog_var)",
        "test_facts test_gradients_of_a_and_b_differ_by_known_noise: bernoulli",
    ),
    Slip(
        "samples summed instead of averaged, the gradient to match",
        "estimators.py",
        "return np.tile(dmean / L, L)\n\n    return f.reshape(L, -1).mean(axis=0), backward",
        "return np.tile(dmean, L)\n\n    return f.reshape(L, -1).sum(axis=0), backward",
        "test_facts test_l_samples_are_the_mean_of_single_ones_for_a: bernoulli",
        "test_gradients test_complex_step: sgvb_a, bernoulli, L = 3",
    ),
    Slip(
        "the gradient of the mean handed back row-major",
        "estimators.py",
        "np.tile(dmean / L, L)",
        "np.repeat(dmean / L, L)",
        "test_gradients test_complex_step: mean_of_samples",
    ),
    # Algorithm 1
    Slip(
        "gradients not zeroed between steps",
        "objective.py",
        "np.multiply(self.p.flat, self.slope, out=self.p.grad)",
        "self.p.grad += self.slope * self.p.flat",
        "test_facts test_a_step_ascends_the_mean_bound_and_the_prior: all",
    ),
    Slip(
        "the prior divided by M instead of N",
        "objective.py",
        "-precision / N",
        "-precision / 7",
        "test_facts test_a_step_ascends_the_mean_bound_and_the_prior: all",
    ),
    Slip(
        "the prior with the wrong sign",
        "objective.py",
        "-precision / N",
        "precision / N",
        "test_facts test_a_step_ascends_the_mean_bound_and_the_prior: weights",
    ),
    Slip(
        "the sum over the minibatch instead of the mean",
        "aevb.py",
        "np.full(M, 1 / M, x.dtype)",
        "np.ones(M, x.dtype)",
        "test_facts test_a_step_ascends_the_mean_bound_and_the_prior: none",
    ),
    Slip(
        "the prior in the reported bound",
        "aevb.py",
        "return bound",
        "return bound - 0.5 * np.dot(p.flat, p.flat) / 50",
        "test_facts test_a_step_ascends_the_mean_bound_and_the_prior: all",
    ),
    Slip(
        "NaN looked for after the parameters have moved",
        "objective.py",
        "        check_finite(bound, self.p)\n        if not self.optimizer.ascend(self.p.flat, self.p.grad):\n",
        "        if not self.optimizer.ascend(self.p.flat, self.p.grad) or check_finite(bound, self.p):\n",
        "test_facts test_a_step_that_fails_moves_nothing",
    ),
    # Monte Carlo EM and full variational Bayes
    Slip(
        "gradients of one update left for the next",
        "mcem.py",
        "            self.ascent.begin()\n",
        "",
        "test_mcem test_a_step_is_one_move_and_five_updates: bernoulli / none",
    ),
    Slip(
        "chains that start anew at every step",
        "mcem.py",
        "move(target, self.z[index],",
        "move(target, rng.standard_normal(self.z[index].shape),",
        "test_mcem test_it_finds_the_maximum_of_the_likelihood",
    ),
    Slip(
        "the KL of theta not divided by N",
        "full_vb.py",
        "-1 / self.N",
        "-1.0",
        "test_full_vb test_the_kl_is_divided_by_n",
    ),
    Slip(
        "the KL of theta left out of the gradient",
        "full_vb.py",
        "p.theta.grad += (dmean + dmean_kl)[0]",
        "p.theta.grad += dmean[0]",
        "test_gradients test_complex_step: full_b, bernoulli, L = 1",
    ),
    Slip(
        "theta drawn with the variance for the standard deviation",
        "full_vb.py",
        "sample_gaussian(p.theta.flat, p.theta_log_var.flat, rng)",
        "sample_gaussian(p.theta.flat, 2 * p.theta_log_var.flat, rng)",
        "test_full_vb test_predictions_draw_theta_from_q",
    ),
    # log p(x)
    Slip(
        "fitted to the draws of the mean",
        "marginal_likelihood/appendix_d.py",
        "log_w = log_q(z[L:]) - log_pxz[L:]",
        "log_w = log_q(z[:L]) - log_pxz[:L]",
        "test_marginal_likelihood test_appendix_d_by_its_definition",
    ),
    Slip(
        "Appendix D without its 1 / L",
        "marginal_likelihood/estimate.py",
        "value = log_mean_exp(log_w)\n",
        "value = log_mean_exp(log_w) + np.log(K)\n",
        "test_marginal_likelihood test_appendix_d_by_its_definition",
    ),
    Slip(
        "neighbours in a chain taken for independent",
        "marginal_likelihood/appendix_d.py",
        "tau = max(1.0, 2 * float(",
        "tau = max(1.0, 0 * float(",
        "test_marginal_likelihood test_neighbours_that_resemble_each_other_count_less",
        "test_marginal_likelihood test_appendix_d_by_its_definition",
    ),
    Slip(
        "hills without their normalisation",
        "marginal_likelihood/densities.py",
        "np.array(hills) - J * np.log(s)",
        "np.array(hills)",
        "test_marginal_likelihood test_what_the_densities_are_fitted_to",
    ),
    Slip(
        "noise by datapoint read as noise by sample",
        "marginal_likelihood/importance.py",
        "eps = np.moveaxis(eps, 1, 0).reshape(-1, model.J)",
        "eps = eps.reshape(-1, model.J)",
        "test_marginal_likelihood test_importance_sampling_is_the_importance_weighted_bound",
        "test_marginal_likelihood test_with_the_posterior_itself_every_weight_is_p_of_x",
    ),
    Slip(
        "a point of a grid that weighs a length, not a volume",
        "marginal_likelihood/quadrature.py",
        "+ J * np.log(spacing)",
        "+ np.log(spacing)",
        "test_marginal_likelihood test_quadrature_in_three_dimensions",
    ),
    Slip(
        "a grid that is judged by its halves alone",
        "marginal_likelihood/quadrature.py",
        "    off += np.bincount(row, term * left_out(point), M)\n",
        "",
        "test_marginal_likelihood test_a_grid_whose_halves_agree_by_accident_is_not_believed",
        "test_marginal_likelihood test_quadrature_in_three_dimensions",
    ),
    Slip(
        "climbs without the step back",
        "marginal_likelihood/hills.py",
        "t[todo] = np.where(up, 1, t[todo] / 4)",
        "t[todo] = 1",
        "test_marginal_likelihood test_a_climb_steps_back",
        "test_marginal_likelihood test_every_hill_is_found",
    ),
    Slip(
        "a finer grid that grows from the top of one hill",
        "marginal_likelihood/quadrature.py",
        "self.grow(group[members], members)",
        "self.grow(hills, hills)",
        "test_marginal_likelihood test_a_spike_beyond_a_valley",
        "test_marginal_likelihood test_a_spike_on_a_hill",
    ),
    Slip(
        "a sum without the second opinion",
        "marginal_likelihood/quadrature.py",
        "np.fmax(error, np.abs(grid.log_px - log_px) - grid.error)",
        "error",
        "test_marginal_likelihood test_a_spike_on_a_slope",
        "test_marginal_likelihood test_a_spike_beyond_a_valley",
    ),
    Slip(
        "log q from z where eps is at hand",
        "estimators.py",
        "gaussian_log_prob(z, mu, log_var, eps=eps)  # 5\n    bound, back_fold",
        "gaussian_log_prob(z, mu, log_var)  # 5\n    bound, back_fold",
        "test_estimators test_log_q_keeps_its_digits_however_narrow_q_is",
        "test_gradients test_complex_step: sgvb_a, bernoulli, L = 1",
    ),
    Slip(
        "moves that keep the last density, not the next",
        "marginal_likelihood/annealing.py",
        "posterior(decoder, theta, x, betas[t]), z, jittered(steps[t], rng",
        "posterior(decoder, theta, x, betas[t - 1]), z, jittered(steps[t], rng",
        "test_marginal_likelihood test_the_weights_there_and_back",
        "test_marginal_likelihood test_no_move_that_nobody_looks_at",
    ),
    Slip(
        "the way back with the steps of the way there",
        "marginal_likelihood/annealing.py",
        "betas[::-1], steps[::-1]",
        "betas[::-1], steps",
        "test_marginal_likelihood test_the_sandwich_of_what_can_be_written_down",
        "test_marginal_likelihood test_the_weights_there_and_back",
    ),
    Slip(
        "a move after the last weight",
        "marginal_likelihood/annealing.py",
        "if t < T:",
        "if t <= T:",
        "test_marginal_likelihood test_no_move_that_nobody_looks_at",
        "test_marginal_likelihood test_the_weights_there_and_back",
    ),
    Slip(
        "the worst of ten chains",
        "marginal_likelihood/appendix_d.py",
        ".argmax(axis=0)",
        ".argmin(axis=0)",
        "test_marginal_likelihood test_starts_are_the_best_of_several_chains",
    ),
    Slip(
        "squares multiplied out in float32",
        "distributions.py",
        "    x, mu, log_var = (array.astype(np.float64) for array in (x, mu, log_var))\n",
        "",
        "test_marginal_likelihood test_pairs_with_a_tiny_variance_lose_no_digits",
    ),
    # Optimisers
    Slip(
        "a warm-up off by one",
        "optimizers.py",
        "self.t > self.warmup",
        "self.t >= self.warmup",
        "test_facts test_adagrad_warms_up",
    ),
    Slip(
        "Adagrad without a memory",
        "optimizers.py",
        "G += scratch",
        "G[...] = scratch",
        "test_facts test_an_optimiser_follows_its_formula: Adagrad",
    ),
    Slip(
        "Adagrad's epsilon outside the root",
        "optimizers.py",
        "np.sqrt(G, out=scratch)",
        "np.sqrt(G - self.start, out=scratch)\n            scratch += self.start",
        "test_facts test_an_optimiser_follows_its_formula: Adagrad",
    ),
    Slip(
        "Adam without the correction for its start",
        "optimizers.py",
        "m_hat = m / (1 - self.beta1**self.t)",
        "m_hat = m",
        "test_facts test_an_optimiser_follows_its_formula: Adam",
    ),
    Slip(
        "blocks that leave the last number out",
        "optimizers.py",
        "slice(start, start + BLOCK)",
        "slice(start, start + BLOCK - 1)",
        "test_facts test_blocks_are_only_a_matter_of_speed: SGD",
    ),
    # Streams
    Slip(
        "seed and purpose added into one number",
        "streams.py",
        "(1 + PURPOSES.index(purpose), seed, step)",
        "(1 + PURPOSES.index(purpose) + seed, step)",
        "test_facts test_no_two_streams_are_the_same",
    ),
    Slip(
        "a stream that is the same at every step",
        "streams.py",
        "(1 + PURPOSES.index(purpose), seed, step)",
        "(1 + PURPOSES.index(purpose), seed)",
        "test_facts test_no_two_streams_are_the_same",
    ),
]
if np.lib.NumpyVersion(np.__version__) < "2.0.0":  # which leaves float32 alone where a NumPy scalar meets it
    SLIPS = [slip for slip in SLIPS if slip.what != "a constant that is a NumPy scalar"]


@contextmanager
def on_a_copy(folder, slip=None):
    """Tests are imported anew here, on top of a copy of the package in which one slip is planted."""
    shutil.copytree(PACKAGE, folder / PACKAGE.name)
    if slip:
        file = folder / PACKAGE.name / slip.file
        text = file.read_text(encoding="utf-8")
        assert text.count(slip.find) == 1, f"{slip.file} must hold this text once:\n{slip.find}"
        file.write_text(text.replace(slip.find, slip.instead), encoding="utf-8")
    kept = {name: m for name, m in sys.modules.items() if stale(name)}
    for name in kept:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        assert Path(importlib.import_module(PACKAGE.name).__file__).parent.parent == folder
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if stale(name)]:
            del sys.modules[name]
        sys.modules.update(kept)


def stale(name):
    """Whether a module is the package's, or of its tests (but not this one), and so to be imported anew."""
    return name.split(".")[0] == PACKAGE.name or (name in OF_THE_TESTS and name != __name__)


def call(test):
    """Run a test given as "module test" or "module test: argument"; two arguments have a slash between them."""
    module, _, rest = test.partition(" ")
    name, colon, arguments = rest.partition(": ")
    getattr(importlib.import_module(module), name)(*(arguments.split(" / ") if colon else []))


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.what)
def test_the_slip_is_caught(slip, tmp_path):
    """The test named for it fails; the one that is said not to see it passes."""
    with on_a_copy(tmp_path, slip):
        with pytest.raises((AssertionError, ValueError)):  # ValueError: a write into a read-only array
            call(slip.caught_by)
        if slip.unseen_by:
            call(slip.unseen_by)


def test_without_a_slip_every_one_of_these_tests_passes(tmp_path):
    with on_a_copy(tmp_path):
        for test in sorted({test for slip in SLIPS for test in (slip.caught_by, slip.unseen_by) if test}):
            call(test)
