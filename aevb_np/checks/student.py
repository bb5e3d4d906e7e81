"""Somebody's VAE as two functions, and how its arrays answer to those of the reference.

Every array of the student's is a window onto one of the reference: the same numbers, perhaps transposed, perhaps as
log sigma where the reference has log sigma^2. Which is which is declared, or found where only one choice gives the
right value.
"""

import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import aevb_np
from aevb_np.checks import nested
from aevb_np.checks.problem import H_DECODER, SCALE, D, J, Point
from aevb_np.checks.units import FIXED, SQUARED_ERROR, UNITS, fixed_variance
from aevb_np.model import VAE
from aevb_np.params import Params

Arrays = dict[str, NDArray]
SIZES = {"D": D, "H": H_DECODER, "J": J}  # the kit's own, which share no factor
LAYOUTS = ("(M, J)", "(L, M, J)", "(L*M, J)")
NETWORKS = ("paper", "other")


class DeclarationError(ValueError):
    """What a file declares does not fit the page in `aevb_np.checks`."""


class StudentError(Exception):
    """The student's code stopped, or gave something of another kind than agreed."""

    def __init__(self, text: str, where: str):
        super().__init__(text)
        self.where = where


class Window(NamedTuple):
    """One array of the student's: the reference's `name`, transposed or not, divided by `factor`, in a shape."""

    name: str
    transposed: bool
    factor: float
    shape: tuple[int, ...]

    def of(self, array: NDArray) -> NDArray:
        """The student's array for one of the reference."""
        return (array.T if self.transposed else array).reshape(self.shape) / self.factor

    def back(self, gradient: NDArray, like: NDArray) -> NDArray:
        """The gradient in the reference's array, from that in the student's."""
        ordered = gradient.reshape(like.T.shape).T if self.transposed else gradient.reshape(like.shape)
        return ordered / self.factor


Windows = dict[str, Window]


@dataclass
class Student:
    """What a student hands in. `aevb_np.checks` says what each thing is."""

    value: Callable
    gradients: Callable | None = None
    parameters: Callable | None = None
    update: Callable | None = None  # in place of gradients
    encode: Callable | None = None  # what a value of any network is judged by
    decode: Callable | None = None
    names: Mapping[str, str] | None = None
    decoder: str = "bernoulli"
    layout: str = LAYOUTS[0]
    columns: bool = False
    sign: int | None = None
    scale: str | None = None
    network: str = NETWORKS[0]
    units: str = "tanh"
    kl_weight: float = 1.0
    sizes: Mapping[str, int] = field(default_factory=dict)  # of D, H and J, those that are not the kit's own
    shape: tuple[int, ...] = ()  # of one image
    labels: int = 0  # how many kinds there are; 0 for no labels
    one_row: bool = False  # whether the functions take one datapoint
    rate: float | None = None  # what an update multiplies the gradient with
    no_log_2pi: bool = False  # whether a Gaussian's constant is left out on purpose
    prior: float | None = None  # what log N(w; 0, I) is multiplied with in the value
    seed: int = 0  # of the point at which the gradients are checked
    size: float = SCALE  # of the parameters there
    form: Any = field(default=None, init=False)  # how `parameters` nests its arrays
    single: bool = field(default=False, init=False)  # whether a value with seven digits was seen
    half: list[str] = field(default_factory=list, init=False)  # the arrays that came with three

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise DeclarationError(f"EPS is one of {', '.join(LAYOUTS)}; got {self.layout!r}")
        if self.network not in NETWORKS:
            raise DeclarationError(f"NETWORK is 'paper' or 'other'; got {self.network!r}")
        kinds = "bernoulli", "gaussian", SQUARED_ERROR
        if not isinstance(self.decoder, str) or self.decoder not in kinds and not fixed_variance(self.decoder):
            raise DeclarationError(f"DECODER is 'bernoulli', 'gaussian', '{FIXED}1' or '{SQUARED_ERROR}'; "
                                   f"got {self.decoder!r}")  # fmt: skip
        if self.units not in UNITS:
            raise DeclarationError(f"UNITS is one of {', '.join(map(repr, UNITS))}; got {self.units!r}")
        if not isinstance(self.kl_weight, (int, float)) or not self.kl_weight > 0:
            raise DeclarationError(f"KL_WEIGHT is what the value multiplies the KL with; got {self.kl_weight!r}")
        if (self.encode is None) != (self.decode is None):
            raise DeclarationError("encode(parameters, x) and decode(parameters, z) are of use together only")
        if self.scale not in (None, "sum", "mean"):
            raise DeclarationError(f"SCALE is 'sum' or 'mean' (over the rows of x); got {self.scale!r}")
        if self.sign not in (None, 1, -1):
            raise DeclarationError(f"SIGN is 1 (a bound, to go up) or -1 (a loss, to go down); got {self.sign!r}")
        if self.prior is not None and not (isinstance(self.prior, (int, float)) and self.prior > 0):
            raise DeclarationError(f"PRIOR_WEIGHT is what the value multiplies log N(w; 0, I) with; got {self.prior!r}")
        if self.one_row and (self.layout != LAYOUTS[0] or self.columns):
            raise DeclarationError("with ONE_ROW = True x is (D,) and eps (J,): no EPS, no COLUMNS")
        numbers = [*self.sizes.values(), *self.shape, self.labels + 1]
        if not all(isinstance(n, (int, np.integer)) and n > 0 for n in numbers):
            raise DeclarationError(f"D, H, J, SHAPE and LABELS are whole numbers above 0; got {numbers}")
        if self.shape and self.size_of("D") != prod(self.shape):
            self.sizes = {**self.sizes, "D": prod(self.shape)}
        if self.gradients is None and self.update is None:
            raise DeclarationError("there is no gradients(parameters, x, eps), nor an update in its place")
        if self.parameters is None and self.names is None:
            raise DeclarationError("which arrays are there? Define parameters(D, H, J), which returns them, or NAMES")

    def size_of(self, letter: str) -> int:
        """D, H or J."""
        return int(self.sizes.get(letter, SIZES[letter]))

    def inputs(self, at: Point) -> tuple[NDArray, ...]:
        """x and eps, copied, in the student's layout, and the labels if there are any."""
        x, eps = at.x.copy(), at.eps.copy()
        if self.layout == "(L, M, J)":
            eps = eps.reshape(at.samples, *x.shape[:1], -1)
        if self.columns:
            x, eps = x.T.copy(), np.swapaxes(eps, -1, -2).copy()
        elif self.shape:
            x = x.reshape(-1, *self.shape)
        return (x, eps, *self.conditions(at))

    def conditions(self, at: Point) -> tuple[NDArray, ...]:
        """The labels, one of K for every row, which go with the numbers of the row."""
        if not self.labels:
            return ()
        which = (at.x.sum(axis=1) * 1e6).astype(int) % self.labels
        y = np.eye(self.labels)[which]
        return (y.T.copy() if self.columns else y,)

    def asked(self, function: Callable, parameters: Arrays, at: Point) -> list[tuple[Any, Any]]:
        """(what it was given, what it gives) of a function of parameters and data: for all rows, or for each."""
        rows = [at.row(m) for m in range(len(at.x))] if self.one_row else [at]
        answers = []
        for one in rows:
            given = self.tree(parameters)
            inputs = self.inputs(one)
            answers.append((given, called(function, given, *((a[0] for a in inputs) if self.one_row else inputs))))
        return answers

    def tree(self, parameters: Arrays) -> Any:
        """The arrays as the student's own `parameters` nests them."""
        return nested.filled(self.form, parameters) if self.form is not None else parameters

    def value_at(self, parameters: Arrays, at: Point) -> float:
        """One number, the sum if the student gives named parts."""
        return float(sum(self.parts_at(parameters, at).values()))

    def parts_at(self, parameters: Arrays, at: Point) -> dict[str, float]:
        """The value's parts by the student's names; one without a name if it has none."""
        found: dict[str, float] = {}
        for _, answer in self.asked(self.value, parameters, at):
            for name, number in (answer if isinstance(answer, Mapping) else {"": answer}).items():
                found[name] = found.get(name, 0.0) + self.number(number)
        return found

    def number(self, answer: Any) -> float:
        """One real number."""
        if np.shape(answer) not in ((), (1,), (1, 1)) or np.asarray(answer).dtype.kind not in "fiub":
            kind = f"an array of shape {np.shape(answer)}" if np.shape(answer) else f"a {type(answer).__name__}"
            raise StudentError(f"value gave {kind}; return one number, a sum or a mean", "in value")
        self.single |= np.asarray(answer).dtype in (np.float32, np.float16)
        return np.asarray(answer).item()

    def gradients_at(self, parameters: Arrays, at: Point) -> Arrays:
        """The student's gradients, as they are."""
        if self.gradients is None:
            return self.moved(parameters, at)
        found: Arrays = {}
        for _, answer in self.asked(self.gradients, parameters, at):
            for name, g in self.named(answer, "gradients").items():
                found[name] = found[name] + g if name in found else g
        return found

    def moved(self, parameters: Arrays, at: Point) -> Arrays:
        """Before less after of an update, divided by its rate."""
        before = {name: np.array(w) for name, w in parameters.items()}
        copies = {name: w.copy() for name, w in before.items()}
        (given, answer), *_ = self.asked(self.update, copies, at)  # type: ignore[arg-type]
        after = self.named(given if answer is None else answer, "update")
        return {name: (before[name] - w) / (self.rate or 1.0) for name, w in after.items() if name in before}

    def named(self, answer: Any, place: str) -> Arrays:
        """The arrays of an answer by name, however they are nested."""
        if not isinstance(answer, (Mapping, list, tuple)):
            kind = type(answer).__name__
            raise StudentError(f"{place} gave a {kind}; return a dictionary with the parameters' names", f"in {place}")
        if isinstance(answer, (list, tuple)) and not isinstance(self.form, (list, tuple)):
            text = f"{place} gave a {type(answer).__name__}; return a dictionary with the parameters' names"
            raise StudentError(text, f"in {place}")
        arrays = {}
        for name, g in nested.flat(answer).items():
            try:
                arrays[name] = np.asarray(g)
            except ValueError as error:
                raise StudentError(f"the gradient of {name} is no array: {error}", f"in {place}") from None
            if arrays[name].dtype.kind not in "fiub":
                raise StudentError(f"the gradient of {name} is no array of real numbers", f"in {place}")
            if arrays[name].dtype == np.float16:  # which linear algebra does not know
                arrays[name] = arrays[name].astype(np.float32)
                self.half += [name] * (name not in self.half)
        return arrays

    def shapes(self, model: VAE) -> dict[str, tuple[int, ...]]:
        """The shapes of the student's arrays when the model has the sizes of the reference."""
        if self.names is not None:
            return {name: window.shape for name, window in self.declared(model).items()}
        return self.made(model)

    def made(self, model: VAE) -> dict[str, tuple[int, ...]]:
        """The shapes that `parameters` gives."""
        assert self.parameters is not None
        made = called(self.parameters, model.D, model.decoder.H, model.J)
        if not isinstance(made, (Mapping, list, tuple)):
            raise StudentError(f"it gave a {type(made).__name__}; return a dictionary of arrays", "in parameters")
        if self.names is None:
            self.form = made
        return {name: np.shape(w) for name, w in nested.flat(made).items()}

    def declared(self, model: VAE) -> Windows:
        """The windows that `names` speaks of; where there is `parameters`, too, that says if a bias is (n, 1)."""
        assert self.names is not None
        windows, made = declared(self.names, model), self.made(model) if self.parameters else {}
        for mine, window in windows.items():
            like = made.get(mine, ())
            if len(window.shape) == 1 and len([n for n in like if n != 1]) == 1:
                windows[mine] = window._replace(shape=tuple(1 if n == 1 else window.shape[0] for n in like))
        return windows


def called(function: Callable, *arguments: Any) -> Any:
    """What a student's function gives; what stops it is told with the lines in the student's own code."""
    try:
        with np.errstate(all="ignore"):
            return function(*arguments)
    except Exception as error:
        raise StudentError(f"{type(error).__name__}: {spoken(error)}", place_of(function, error)) from error


def spoken(error: Exception) -> str:
    """The error's own text."""
    return str(error.msg if isinstance(error, SyntaxError) else error)


def place_of(function: Callable, error: Exception) -> str:
    """The line of the student's function, and the line of the helper that it called, if it did."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"line {error.lineno} of {Path(error.filename).name}"
    ours = (str(Path(aevb_np.__file__).parent), "<frozen")
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith(ours) and "site-packages" not in f.filename]
    if not own:  # it does not take these arguments
        return f"the call of {getattr(function, '__name__', 'what was given')}"
    first, last = own[0], own[-1]
    where = f"line {last.lineno} of {Path(last.filename).name}, in {last.name}"
    if last is first or first.name == "<module>" or first.name == last.name:
        return where
    return f"{where}, called from line {first.lineno}, in {first.name}"


def arrays_for(windows: Windows, p: Params) -> Arrays:
    """The student's parameters that say the same as the reference's."""
    values = {name: w for name, w, _ in p.arrays()}
    return {name: np.array(window.of(values[window.name])) for name, window in windows.items()}


def declared(names: Mapping[str, str], model: VAE) -> Windows:
    """The windows that a declaration such as {"enc_W": "phi.hidden.W.T", "s": "phi.log_sigma.W"} speaks of.

    Raises
    ------
    DeclarationError
        If it names an array that the reference does not have, or leaves one out.
    """
    shapes = {name: w.shape for name, w, _ in Params(model.shapes).arrays()}
    windows = {}
    for mine, text in names.items():
        name = text.removesuffix(".T").replace("log_sigma", "log_var")
        if name not in shapes:
            raise DeclarationError(f"NAMES says {mine!r} is {text!r}; the reference has {', '.join(shapes)}")
        shape = shapes[name][::-1] if text.endswith(".T") else shapes[name]
        windows[mine] = Window(name, text.endswith(".T"), 2.0 if "log_sigma" in text else 1.0, shape)
    left_out = set(shapes) - {window.name for window in windows.values()}
    if left_out or len(windows) != len(shapes):
        raise DeclarationError(
            f"NAMES must name each of {', '.join(shapes)} once; missing: {', '.join(sorted(left_out))}"
        )
    return windows


def candidates(student: Student, model: VAE, behaviour: Callable[..., dict[str, str]]) -> Iterator[Windows]:
    """All ways to read the student's arrays, the likeliest first.

    Shapes decide most of it; what they leave open `behaviour(shapes, fits)` may know, and at last the names are heard.
    """
    if student.names is not None:
        yield student.declared(model)
        return
    shapes, theirs = student.shapes(model), {name: w.shape for name, w, _ in Params(model.shapes).arrays()}
    for transposed in (False, True, None):  # None: some are, some are not
        fits = {n: fitting(shape, model, transposed) for n, shape in shapes.items()}
        readings = [dict(zip(shapes, names)) for names in matchings(list(fits.values()))]
        known = behaviour(shapes, fits) if readings else {}

        def rank(reading, known=known):
            return sum(reading[n] == name for n, name in known.items()), likelihood(reading)

        for reading in sorted(readings, key=rank, reverse=True):
            turned = {n: shapes[n] != theirs[name] if transposed is None else transposed for n, name in reading.items()}
            if transposed is None and len({turned[n] for n, name in reading.items() if name.endswith(".W")}) == 1:
                continue  # it was one of the others
            for heads in log_sigma_heads(model):
                yield {n: window(name, turned[n], shapes[n], heads) for n, name in reading.items()}


def fitting(shape: tuple[int, ...], model: VAE, transposed: bool | None) -> list[str]:
    """The reference's arrays that an array of this shape may be; None leaves open whether matrices are transposed."""
    found = []
    for name, w, _ in Params(model.shapes).arrays():
        allowed = {None: (w.shape, w.T.shape), False: (w.shape,), True: (w.T.shape,)}[transposed]
        matrix = w.ndim == 2 and shape in allowed
        vector = w.ndim == 1 and prod(shape) == w.size and len([n for n in shape if n != 1]) == 1
        if matrix or vector:
            found.append(name)
    return found


def matchings(choices: list[list[str]], taken: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All ways to choose one from each list, none twice and none left over."""
    if len(taken) == len(choices):
        yield taken
        return
    for name in choices[len(taken)]:
        if name not in taken:
            yield from matchings(choices, (*taken, name))


HINTS = {
    "phi.": ("enc", "phi", "q", "inf", "rec"), "theta.": ("dec", "theta", "gen", "p_"), "mean.": ("mu", "mean", "loc"),
    "log_var.": ("var", "sig", "lv", "std", "scale"), "hidden.": ("hid", "h"), "logits.": ("out", "log", "y"),
    ".b": ("b",), ".W": ("W", "w"),
}  # fmt: skip


def likelihood(reading: Mapping[str, str]) -> int:
    """How many of the student's names sound like what they are read as."""
    return sum(
        any(sound in mine.lower() for sound in sounds)
        for mine, name in reading.items()
        for part, sounds in HINTS.items()
        if part in name + "."
    )


def log_sigma_heads(model: VAE) -> Iterator[tuple[str, ...]]:
    """Which heads may give log sigma instead of log sigma^2."""
    yield from [(), ("phi.log_var",)]
    if "log_var" in model.decoder.shapes:
        yield from [("phi.log_var", "theta.log_var"), ("theta.log_var",)]


def window(name: str, transposed: bool, shape: tuple[int, ...], log_sigma: tuple[str, ...]) -> Window:
    """The window onto one array of the reference, given the heads that give log sigma."""
    factor = 2.0 if name.startswith(log_sigma) and log_sigma else 1.0
    return Window(name, transposed and name.endswith(".W"), factor, shape)
