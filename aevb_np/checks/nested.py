"""Parameters as people keep them, in dictionaries, lists of layers, or both; here they become one dictionary.

>>> import numpy as np
>>> form = [{"W": np.ones((1, 2)), "b": np.zeros(2)}, np.ones(3)]
>>> list(flat(form))
['0.W', '0.b', '1']
>>> filled(form, {"0.W": 1, "0.b": 2, "1": 3})
[{'W': 1, 'b': 2}, 3]
"""

from collections.abc import Mapping
from typing import Any

import numpy as np


def flat(tree: Any, before: str = "") -> dict[str, Any]:
    """The arrays by the way to them: "0.W" is W of the first layer."""
    if isinstance(tree, Mapping):
        items = [(str(name), branch) for name, branch in tree.items()]
    elif isinstance(tree, (list, tuple)) and not numbers(tree):
        items = [(str(i), branch) for i, branch in enumerate(tree)]
    else:
        return {before: tree}
    found: dict[str, Any] = {}
    for name, branch in items:
        found |= flat(branch, f"{before}.{name}" if before else name)
    return found


def numbers(tree: Any) -> bool:
    """Whether a list is an array written as one."""
    return len(tree) > 0 and all(np.isscalar(one) or isinstance(one, (list, tuple)) and numbers(one) for one in tree)


def filled(form: Any, arrays: Mapping[str, Any], before: str = "") -> Any:
    """A tree of this form with these arrays in it."""
    if isinstance(form, Mapping):
        return {name: filled(branch, arrays, f"{before}.{name}" if before else str(name))
                for name, branch in form.items()}  # fmt: skip
    if isinstance(form, (list, tuple)) and not numbers(form):
        return type(form)(
            [filled(branch, arrays, f"{before}.{i}" if before else str(i)) for i, branch in enumerate(form)]
        )
    return arrays[before]
