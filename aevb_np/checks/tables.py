"""The table of a report: every array's gradient beside the measured one, with a verdict that allows for noise."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks.numeric import (
    EPS,
    ROUGH,
    STEP,
    UNKNOWABLE,
    Measured,
    along,
    apart,
    closer,
    differences,
    rounding_of,
)
from aevb_np.checks.report import RIGHT, UNKNOWN, WRONG, Row

TOLERANCE = 1e-6  # what is right in float64 agrees to 1e-8 or so
NEAR = 1e-4  # float32, or log(y + 1e-10) for log y, is no further off; between the two nobody is accused
LARGE = 2000  # from this many parameters on, directions are measured instead of entries
DIRECTIONS = 3


def measure(value: Callable, parameters: dict[str, NDArray]) -> dict[str, Measured]:
    """Every entry of every gradient of value(parameters), by central differences."""
    parameters = {name: array.copy() for name, array in parameters.items()}
    rounding = rounding_of(lambda: value(parameters), list(parameters.values()))
    return {n: differences(lambda: value(parameters), w, rounding=rounding) for n, w in parameters.items()}


def measure_one(value: Callable, parameters: dict[str, NDArray], name: str) -> Measured:
    """One array's gradient."""
    parameters = {other: array.copy() for other, array in parameters.items()}
    return differences(lambda: value(parameters), parameters[name])


def measured_again(value: Callable, parameters: dict[str, NDArray], measured: dict[str, Measured], yours: dict) -> bool:
    """Measure with small steps what is furthest off in every wrong array; true if that changed a number.

    It is in place, and a number that changed makes all that are off in its array be measured again.
    """
    parameters = {name: array.copy() for name, array in parameters.items()}
    f_0 = float(value(parameters))
    rounding = 4 * max(rounding_of(lambda: value(parameters), list(parameters.values())), EPS * abs(f_0))
    changed = False
    for name, (n, error, _) in measured.items():
        line = row(name, yours.get(name), measured[name])
        indices = [index for index, *_ in line.worst] if line.verdict == WRONG and np.isfinite(line.error) else []
        scale, moved = np.abs(n).max(initial=0.0), False
        while indices:
            index = indices.pop(0)
            again, its_error = closer(lambda: value(parameters), parameters[name], index, f_0, rounding)
            if abs(again - n[index]) > 5 * (its_error + error[index]) + TOLERANCE * scale:
                if not moved:
                    off = np.abs(yours[name] - n) > TOLERANCE * scale
                    indices = [tuple(map(int, other)) for other in np.argwhere(off)]
                changed = moved = True
                at_a_kink = its_error > max(UNKNOWABLE * scale, ROUGH * rounding)
                n[index], error[index] = again, np.inf if at_a_kink else its_error
    return changed


def row(name: str, yours: Any, measured: Measured) -> Row:
    """The line for one array of which every entry was measured."""
    n, shape = measured.gradient, measured.gradient.shape
    if yours is None:
        return Row(name, shape, np.inf, 0.0, WRONG)
    a = np.asarray(yours)
    if a.shape != shape:
        return Row(name, a.shape, np.inf, 0.0, WRONG)
    error, noise, verdict = judge(a, n, measured.error)
    known = np.isfinite(measured.error)
    order = np.argsort(-np.abs(np.nan_to_num(a - n, nan=np.inf)).ravel() * known.ravel())[:3]
    worst = tuple((tuple(map(int, np.unravel_index(i, shape))), float(a.flat[i]), float(n.flat[i])) for i in order)
    return Row(name, shape, error, noise, verdict, worst, int((~known).sum()))


def judge(a: NDArray, n: NDArray, error: NDArray) -> tuple[float, float, str]:
    """The distance of a from n, its noise, and what follows; numbers at a kink are not judged."""
    known = np.isfinite(error)
    if not known.any() and error.size:
        return 0.0, np.inf, UNKNOWN
    a, n, error = a[known], n[known], error[known]
    size = max(np.linalg.norm(a), np.linalg.norm(n))
    noise = float(np.linalg.norm(error) / size) if size else 0.0
    if not np.isfinite(a).all():
        return np.inf, noise, WRONG
    distance, allowed = apart(a, n), NEAR if a.dtype == np.float32 else TOLERANCE
    if distance <= allowed:
        return distance, noise, RIGHT if noise < 1e-2 or distance == 0 else UNKNOWN
    if distance <= 5 * noise:
        return distance, noise, RIGHT if noise < NEAR else UNKNOWN  # so much noise may hide a difference
    return distance, noise, WRONG if distance > NEAR else UNKNOWN


def rows_by_direction(value: Callable, parameters: dict[str, NDArray], gradients: dict[str, Any]) -> list[Row]:
    """The table of a large model: every array is moved along a few random directions of its own.

    For directions v of independent normal numbers the root mean square of d . v is the length of d.
    """
    rng = np.random.default_rng(3)
    parameters = {name: array.copy() for name, array in parameters.items()}
    rounding = rounding_of(lambda: value(parameters), list(parameters.values()))
    rows = []
    for name, array in parameters.items():
        a = np.asarray(gradients.get(name, np.nan))
        if a.shape != array.shape:
            rows.append(Row(name, a.shape, np.inf, 0.0, WRONG))
            continue
        directions = rng.standard_normal((DIRECTIONS, *array.shape))
        slopes = [along(lambda: value(parameters), array, v, STEP, rounding) for v in directions]
        n, error = (np.array([getattr(slope, part) for slope in slopes]) for part in ("gradient", "error"))
        rows.append(Row(name, a.shape, *judge(np.array([(a * v).sum() for v in directions]).astype(a.dtype), n, error)))
    return rows


class Table(NamedTuple):
    """Every array's line, what was measured, and whether a kink was near any number."""

    rows: list[Row]
    gradients: dict[str, NDArray]
    kinks: int

    @property
    def unsure(self) -> bool:
        """Whether another point should be asked: numbers at a kink, or wrong ones in a network that has kinks."""
        return any(row.kinks for row in self.rows) or bool(self.kinks and wrong(self.rows))


def table(value: Callable, parameters: dict[str, NDArray], yours: dict[str, Any]) -> Table:
    """The table of one point; of a large model it has no measured gradients, for it goes by directions."""
    if sum(w.size for w in parameters.values()) > LARGE:
        return Table(rows_by_direction(value, parameters, yours), {}, 0)
    measured = measure(value, parameters)
    rows = [row(name, yours.get(name), measured[name]) for name in parameters]
    if wrong(rows) and measured_again(value, parameters, measured, yours):
        rows = [row(name, yours.get(name), measured[name]) for name in parameters]
    return Table(rows, {name: m.gradient for name, m in measured.items()}, sum(m.kinks for m in measured.values()))


def agreed(tables: list[Table]) -> Table:
    """The table of the point with the fewest kinks; what is wrong there and right at most others is not judged.

    A point without a kink decides by itself.
    """
    best = min(tables, key=lambda one: (one.unsure, one.kinks))
    if not best.unsure:
        return best
    often = {row.name: sum(row.name in wrong(one.rows) for one in tables) for row in best.rows}
    rows = [row._replace(verdict=UNKNOWN) if row.verdict == WRONG and 2 * often[row.name] <= len(tables) else row
            for row in best.rows]  # fmt: skip
    return best._replace(rows=rows)


def wrong(rows: Iterable[Row]) -> list[str]:
    """The arrays that a table calls wrong."""
    return [row.name for row in rows if row.verdict == WRONG]


def suspect(rows: Iterable[Row]) -> list[str]:
    """The arrays that are further off than noise explains, if only by little."""
    return [row.name for row in rows if row.verdict != RIGHT and row.error > max(TOLERANCE, 5 * row.noise)]


def doubts(rows: Iterable[Row]) -> list[str]:
    """Why a table cannot tell."""
    rows = list(rows)
    near = [row for row in rows if row.verdict == UNKNOWN and row.name in suspect(rows)]
    kinked = [row for row in rows if row.verdict == UNKNOWN and (row.kinks or row.noise == np.inf)]
    near = [row for row in near if row not in kinked]
    noisy = [row for row in rows if row.verdict == UNKNOWN and row not in (*near, *kinked)]
    texts = [
        f"{row.name} is off by {row.error:.0e}, more than rounding explains and less than a known bug: "
        "is there a log(y + 1e-10), a clip, or float32 on the way?"
        for row in near
    ]
    if kinked:
        names = ", ".join(row.name for row in kinked)
        texts.append(f"{names}: the value has a kink wherever it was measured, so there is no gradient to compare with")
    if noisy:
        names, most = ", ".join(row.name for row in noisy), max(row.noise for row in noisy)
        texts.append(
            f"{names} cannot be measured here, the noise is {most:.0e}: is something on the way to the value float32, "
            "or rounded? Compute it in float64"
        )
    return texts
