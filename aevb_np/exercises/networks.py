"""E7 to E9: the backwards of a whole decoder and of the encoder through z, with the full diagnosis of the kit."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np import estimators, written_out
from aevb_np.checks import problem, reference
from aevb_np.checks.reference import BACKWARD_ORDER
from aevb_np.checks.report import Report
from aevb_np.checks.vae import check_vae
from aevb_np.exercises.exercise import SIZES, Exercise, Given, Sizes, Slip
from aevb_np.exercises.report import GRADIENT
from aevb_np.exercises.trial import agree, back, both, judged, kept, numbers, parameters_kept, run, started
from aevb_np.model import VAE
from aevb_np.networks import BernoulliMLP, GaussianMLP
from aevb_np.params import Params

HIDDEN = problem.H_DECODER, problem.H_ENCODER  # where the kit checks


class Written:
    """A decoder with a log p(x|z) of somebody else's."""

    def __init__(self, decoder: BernoulliMLP | GaussianMLP, log_prob: Callable):
        self.n_in, self.H, self.n_out, self.shapes = decoder.n_in, decoder.H, decoder.n_out, decoder.shapes
        self.log_prob = log_prob


class Whole:
    """What is written, in its place in a model: the bound and its gradients, and what the exercise's function gives.

    Parameters
    ----------
    kind : str
        "bernoulli" or "gaussian", the decoder.
    name : str
        Of the function that is written.
    decoder : bool
        Whether that is a decoder's log p(x|z), else it is the bound.
    """

    def __init__(self, kind: str, name: str, decoder: bool):
        self.kind, self.name, self.decoder = kind, name, decoder

    def model(self, D: int, H: tuple[int, int], J: int) -> VAE:
        """The package's."""
        decoder = BernoulliMLP(J, H[0], D) if self.kind == "bernoulli" else GaussianMLP(J, H[0], D, sigmoid_mean=True)
        return VAE(decoder, GaussianMLP(D, H[1], J))

    def bound(self, function: Callable, p: Params, x: NDArray, eps: NDArray, H: tuple[int, int]) -> tuple:
        """The bound with what is written in it, and its backward."""
        model: Any = self.model(x.shape[1], H, eps.shape[1])
        if self.decoder:
            model = VAE(Written(model.decoder, function), model.encoder)  # type: ignore[arg-type]
            return estimators.sgvb_b(model, p.theta, p.phi, x, eps)
        return function(model, p.theta, p.phi, x, eps)

    def given(self, sizes: Sizes, rng: np.random.Generator) -> Given:
        """Parameters, data, noise or z, and what comes back for each row."""
        count = Params(self.shapes(sizes)).flat.size
        return {"p": 0.5 * rng.standard_normal(count), "x": rng.random((sizes.M, sizes.D)),
                "z": rng.standard_normal((sizes.M, sizes.J)), "d": rng.standard_normal(sizes.M)}  # fmt: skip

    def shapes(self, sizes: Sizes) -> dict:
        """Those of theta and phi."""
        return self.model(sizes.D, (sizes.H, sizes.H + 1), sizes.J).shapes

    def passed(self, function: Callable, given: Given, sizes: Sizes, start: float = 0.0) -> tuple[NDArray, Given]:
        """Once there and back: the value, and all gradients by name; neither may change what it is given."""
        p = Params(self.shapes(sizes), given["p"].copy())
        p.grad[:] = start
        theirs, prefix, noise = (p.theta, "p.", "z") if self.decoder else (p, "", "eps")
        before = copy.deepcopy(theirs), {"x": given["x"], noise: given["z"], "the upstream gradient": given["d"]}
        mine = {name: array.copy() for name, array in before[1].items()}
        x, z, d = mine.values()
        model = self.model(sizes.D, (sizes.H, sizes.H + 1), sizes.J)
        arguments = (p.theta, x, z) if self.decoder else (model, p.theta, p.phi, x, z)
        value, backward = both(function, arguments, self.name)
        value = numbers(value, d.shape, self.name)
        kept(mine, before[1], self.name)
        backward_of = f"the backward of {self.name}"
        answer = run(backward, d, place=backward_of)
        if function is not self.solution:
            started(theirs, start, prefix, backward_of, on_the_way_back)
        # what the bound's backward returns is of no use to anybody
        gradients = back(lambda d: answer, d, {"z": z}, backward_of) if self.decoder else {}
        kept(mine, before[1], backward_of)
        parameters_kept(theirs, before[0], prefix, backward_of)
        return value, gradients | {name: gradient.copy() for name, _, gradient in theirs.arrays(prefix)}

    def value(self, functions, given, sizes, seed):
        """The value and the shapes."""
        value, _ = self.passed(functions[0], given, sizes)
        right, _ = self.passed(self.solution, given, sizes)
        agree(value, right, "the value", "the value was given with the exercise; leave it as it was", sizes._asdict())

    def diagnosed(self, functions, given, sizes, seed):
        """The verification kit's word about the whole model."""
        shapes = self.model(problem.D, HIDDEN, problem.J).shapes
        names = {self.theirs(name): name for name, _, _ in Params(shapes).arrays()}

        def parameters(arrays):
            p = Params(shapes)
            for name, w, _ in p.arrays():
                w[...] = arrays[self.theirs(name)]
            return p

        def value(arrays, x, eps):
            return float(np.sum(self.bound(self.solution, parameters(arrays), x, eps, HIDDEN)[0]))

        def gradients(arrays, x, eps):
            p = parameters(arrays)
            _, backward = self.bound(functions[0], p, x, eps, HIDDEN)
            backward(np.ones(len(x)))
            return {self.theirs(name): gradient for name, _, gradient in p.arrays()}

        report = check_vae(value, gradients, names=names, decoder=self.kind, sign=1, scale="sum", seed=seed)
        judged(self.own(report), f"the backward of {self.name}")

    def theirs(self, name: str) -> str:
        """What an array is called where it is written: of a decoder's parameters, p, there are theta's only."""
        return name.replace("theta.", "p.") if self.decoder else name

    def own(self, report: Report) -> Report:
        """The report without the encoder, where a decoder is written: all that the encoder sees of it is dz."""
        if not self.decoder:
            return report
        if report.wrong_arrays and all(name.startswith("phi.") for name in report.wrong_arrays):
            report.findings = [
                finding._replace(place="what it returns, dz", text=finding.text.removeprefix(f"{finding.place}: "))
                for finding in report.findings
            ]
        report.rows = [row for row in report.rows if row.name.startswith("p.")]
        return report

    def every_row(self, functions, given, sizes, seed):
        """A gradient of its own for every row, at other sizes: the package's own answer is the measure."""
        sizes = SIZES[(seed + 1) % len(SIZES)]
        given = self.given(sizes, np.random.default_rng(seed))
        _, yours = self.passed(functions[0], given, sizes)
        _, right = self.passed(self.solution, given, sizes)
        for name in sorted(right, key=on_the_way_back):
            text = "another gradient comes back for every row, and each must count for its own row"
            upstream = "dlog_p" if self.decoder else "dbound"
            place = f"the gradient of {name}, with a {upstream} that differs from row to row"
            agree(yours[name], right[name], place, text, sizes._asdict(), GRADIENT)

    def adds(self, functions, given, sizes, seed):
        """What lies in the twins stays there."""
        _, once = self.passed(functions[0], given, sizes)
        _, later = self.passed(functions[0], given, sizes, start=0.5)
        for name, gradient in once.items():
            if name != "z":
                text = f"the gradient of {name} held 0.5 everywhere before; a backward adds to it"
                agree(later[name], gradient + 0.5, f"the gradient of {name}", text, sizes._asdict(), GRADIENT)

    @property
    def solution(self) -> Callable:
        """The package's."""
        return getattr(written_out, self.name)

    def probes(self, functions, given, sizes):
        """All gradients, from zero and from one half."""
        return {str(start): lambda s=start: self.passed(functions[0], given, sizes, s)[1] for start in (0.0, 0.5)}

    def exercise(self, key: str, title: str, paper: str, stars: int, minutes: int, **more: Any) -> Exercise:
        """An exercise whose checks are those of this class."""
        checks = (
            ("once there and back: the value, and all shapes", self.value),
            ("all gradients of the bound, diagnosed", self.diagnosed),
            ("a gradient of its own for every row, other sizes", self.every_row),
            ("gradients are added to, not written over", self.adds),
        )
        return Exercise(
            key, title, paper, stars, minutes, (self.name,), (self.solution,), self.given, checks, self.probes, **more
        )


def on_the_way_back(name: str) -> tuple:
    """The place of a gradient among those of a backward pass; what it returns comes last."""
    return (len(BACKWARD_ORDER),) if name == "z" else reference.on_the_way_back(name.replace("p.", "theta."))


SQUARE = "the slope of tanh is 1 - h^2; the square is lost"

E7 = Whole("bernoulli", "bernoulli_decoder", decoder=True).exercise(
    "E7",
    "the backward of the Bernoulli decoder",
    "eq. (11), Appendix C.1",
    2,
    20,
    hints=(
        "Go back through the three lines of the forward pass in the opposite order: from log p to the logits "
        "(E5), from "
        "the logits to W2, b2 and h (E4), from h to a (E5), from a to W1, b1 and z (E4).",
        "dlogits = dlog_p (x - y);  dW2 = h^T dlogits, db2 = sum_m dlogits;  da = (dlogits W2^T)(1 - h^2);  "
        "dW1 = z^T da, db1 = sum_m da;  dz = da W1^T.",
        "dlogits = dlog_p[:, None] * (...);  p.logits.dW += (H, M) @ (M, D);  da = (... @ p.logits.W.T) * (...);  "
        "p.hidden.dW += (J, M) @ (M, H);  return da @ ...",
    ),
    slips=(
        Slip("y - x: the reconstruction has the sign of a loss", "(x - sigmoid(logits))", "(sigmoid(logits) - x)"),
        Slip(
            "an extra y (1 - y): from the logits the slope of the sigmoid has cancelled",
            "(x - sigmoid(logits))",
            "(x - sigmoid(logits)) * sigmoid(logits) * (1 - sigmoid(logits))",
        ),
        Slip(
            "the slope of tanh, 1 - h^2, is left out", "(dlogits @ p.logits.W.T) * (1 - h**2)", "dlogits @ p.logits.W.T"
        ),
        Slip(SQUARE, "(1 - h**2)", "(1 - h)"),
        Slip("the biases of the logits get a mean over the rows", "dlogits.sum(axis=0)", "dlogits.mean(axis=0)"),
        Slip(
            "the hidden weights are made with h; their input is z",
            "p.hidden.dW += z.T @ da",
            "p.hidden.dW += h[:, : z.shape[1]].T @ da",
        ),
        Slip("what comes back, dlog_p, is left out: every row counts the same", "dlog_p[:, None] * (x", "(x"),
        Slip("the gradient of the logits' weights is written over", "p.logits.dW += h", "p.logits.dW[...] = h"),
    ),
)

E8 = Whole("bernoulli", "sgvb_b", decoder=False).exercise(
    "E8",
    "the backward of the encoder, through z",
    "eq. (10), section 2.3",
    3,
    30,
    hints=(
        "The bound depends on mu and on log sigma^2 in two ways each: through z, which the decoder sees, and "
        "through the "
        "KL. Gradients of the two ways add up. h feeds two heads: there gradients add up again.",
        "dmu = dz - d mu;   dlog_var = 1/2 sigma eps dz - 1/2 d (sigma^2 - 1);   da = (dmu W4^T + dlog_var "
        "W5^T)(1 - h^2), "
        "with dz from the decoder's backward and d what comes back for the row.",
        "dmu = dz - ...;  dlog_var = 0.5 * ... * dz - 0.5 * d * (...);  da = (... @ phi.mean.W.T + ... @ ...) * "
        "(...);  "
        "then six += lines, each as in E4, with inputs h, h and x.",
    ),
    slips=(
        Slip(
            "the way through sigma lacks its 1/2: sigma = exp(log_var / 2)",
            "0.5 * sigma * eps * dz",
            "sigma * eps * dz",
        ),
        Slip("the way through sigma lacks sigma itself", "0.5 * sigma * eps * dz", "0.5 * eps * dz"),
        Slip("the way through sigma lacks eps", "0.5 * sigma * eps * dz", "0.5 * sigma * dz"),
        Slip(
            "the way through sigma is left out: only the KL reaches log sigma^2", "0.5 * sigma * eps * dz - 0.5", "-0.5"
        ),
        Slip(
            "what comes back, dbound, is left out of the KL's part: every row counts the same",
            "d = dbound[:, None]",
            "d = 1.0",
        ),
        Slip(
            "what comes back, dbound, is left out of the reconstruction's part: every row counts the same",
            "back_decode(dbound)",
            "back_decode(np.ones_like(dbound))",
        ),
        Slip(
            "what comes back, dbound, is left out: every row counts the same",
            "d = dbound[:, None]\n        dz = back_decode(dbound)",
            "d = 1.0\n        dz = back_decode(np.ones_like(dbound))",
        ),
        Slip("the KL is left out on the way to mu", "dmu = dz - d * mu", "dmu = dz"),
        Slip("the KL has the wrong sign: the bound is less by it", "dmu = dz - d * mu", "dmu = dz + d * mu"),
        Slip("the log-variance head is left out of what comes back to h", " + dlog_var @ phi.log_var.W.T", ""),
        Slip("the slope of tanh, 1 - h^2, is left out", " * (1 - h**2)", ""),
    ),
)

E9 = Whole("gaussian", "gaussian_decoder", decoder=True).exercise(
    "E9",
    "the Gaussian decoder of Frey Face",
    "eq. (12), Appendix C.2",
    2,
    20,
    hints=(
        "As E7, but h feeds two heads. Derive log N(x; mu, sigma^2) in mu and in log sigma^2 first, then go "
        "through the "
        "sigmoid of the mean; here its slope does not cancel.",
        "d/dmu = (x - mu) / sigma^2, then times mu (1 - mu) for the sigmoid;   d/dlog sigma^2 = ((x - mu)^2 / "
        "sigma^2 - 1) / 2;   "
        "da = (dmean W4^T + dlog_var W5^T)(1 - h^2).",
        "dmean = d * (...) * (...) * mu * (...);  dlog_var = 0.5 * d * (square - ...);  da = (... + ...) * "
        "(1 - h**2);  "
        "six += lines as in E4;  return da @ ...",
    ),
    slips=(
        Slip("the slope of the mean's sigmoid, mu (1 - mu), is left out", " * mu * (1 - mu)  #", "  #"),
        Slip("1 / sigma^2 is left out of the mean's gradient", "(x - mu) * np.exp(-log_var) * mu", "(x - mu) * mu"),
        Slip(
            "1 / sigma for 1 / sigma^2 in the mean's gradient",
            "(x - mu) * np.exp(-log_var) * mu",
            "(x - mu) * np.sqrt(np.exp(-log_var)) * mu",
        ),
        Slip(
            "the mean's gradient has the wrong sign: mu moves towards x",
            "d * (x - mu) * np.exp(-log_var)",
            "d * (mu - x) * np.exp(-log_var)",
        ),
        Slip("the 1/2 of the log-variance is missing", "0.5 * d * (square - 1)", "d * (square - 1)"),
        Slip("the -1 of the log-variance is missing, the derivative of -log sigma^2", "(square - 1)", "square"),
        Slip("the log-variance head is left out of what comes back to h", " + dlog_var @ p.log_var.W.T", ""),
        Slip(SQUARE, "(1 - h**2)", "(1 - h)"),
    ),
)
