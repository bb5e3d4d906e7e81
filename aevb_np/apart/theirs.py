"""What runs in the other process: somebody's code is loaded, and its functions are called when they are asked for.

Requests come on standard input and answers go out on standard output; both are moved away before the code is loaded,
so that what it prints goes elsewhere. This file is run as a script: only then is nothing of ours on its path.
"""

import builtins
import inspect
import os
import sys
import traceback
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = str(Path(__file__).resolve().parent.parent.parent)
if __name__ == "__main__":
    sys.path.insert(0, ROOT)

import numpy as np  # noqa: E402

from aevb_np import networks  # noqa: E402
from aevb_np.apart.wire import Packer, Unpacker, receive, refresh  # noqa: E402
from aevb_np.model import VAE  # noqa: E402
from aevb_np.optimizers import Optimizer  # noqa: E402
from aevb_np.params import Params  # noqa: E402

LONGEST, FRAMES = 2000, 12
LARGE = 2**23  # bytes of an array that no declaration needs


class Desk:
    """Everything that was given out: functions by number, and what each was made with."""

    def __init__(self, module: ModuleType):
        self.module = module
        self.functions: dict[int, tuple[Callable, list]] = {}
        self.given: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()  # arrays that went out
        self.count = 0

    def answer(self, request: dict[str, Any], rest: bytes) -> bytes:
        """What is sent back for one request."""
        packer = Packer()
        try:
            content = getattr(self, request["do"])(request, rest, packer)
        except BaseException as error:
            if isinstance(error, SystemExit) and request.get("leave"):
                raise
            return Packer().frame({"error": described(error)})
        return packer.frame(content)

    def load(self, request: dict[str, Any], rest: bytes, packer: Packer) -> dict[str, Any]:
        """Run the cells one after the other; the cells after an error are run all the same, if that is asked for."""
        first = None
        for number, (name, source) in enumerate(request["cells"], 1):
            try:
                exec(compile(source, name, "exec"), vars(self.module))
            except BaseException as error:
                if not request["on"]:
                    raise
                first = first or described(error) | {"cell": number}
        return {"first": first}

    def names(self, request: dict[str, Any], rest: bytes, packer: Packer) -> dict[str, Any]:
        """What the code defines, of what is asked for; of everything what a declaration can be."""
        packer.special = lambda value: self.special(value, packer, [], [])
        found = dict(vars(self.module))
        if request["wanted"] is None:
            wanted = [name for name, value in found.items() if not name.startswith("_") and of_use(value)]
        else:
            wanted = [name for name in request["wanted"] if name in found]
        return {"names": {name: packer.tree(found[name]) for name in wanted}}

    def call(self, request: dict[str, Any], rest: bytes, packer: Packer) -> dict[str, Any]:
        """Call a function with the arguments as they are now, and tell what it gives and what it did to them."""
        for number in request["released"]:
            self.functions.pop(number, None)
        unpacker = Unpacker(rest, lambda kind, content: made(kind, content, unpacker))
        function, context = self.functions[request["function"]]
        for mine, now in zip(context, unpacker.value(request["context"])):
            refresh(mine, (now.flat, now.grad) if isinstance(now, Params) else now)
        arguments = unpacker.value(request["arguments"])
        with np.errstate(all="ignore"):
            result = function(*arguments)
        known = arrays_in([*context, *arguments])
        packer.special = lambda value: self.special(value, packer, known, [*context, *arguments])
        told = packer.tree(result)
        packer.special = lambda value: {"tuple": [packer.tree(value.flat), packer.tree(value.grad)]} if isinstance(
            value, Params) else None  # fmt: skip
        return {"result": told, "context": packer.tree(context), "arguments": packer.tree(arguments)}

    def special(self, value: Any, packer: Packer, known: list, context: list) -> Any:
        """What is told by number: functions, optimisers, and arrays that the other side has already."""
        if isinstance(value, np.ndarray):
            return self.seen(value, packer, known)
        if isinstance(value, Optimizer):
            number = self.keep(ascending(value), context)
            return {"optimizer": [number, type(value).__name__, value.step, value.t]}
        if callable(value):
            name, module = (str(getattr(value, key, "")) for key in ("__name__", "__module__"))
            return {"function": [self.keep(value, context), name, module, parameters_of(value)]}
        return None

    def seen(self, array: Any, packer: Packer, known: list) -> Any:
        """An argument given back, or an array that was given before: the other side, too, has one array of it."""
        for position, other in enumerate(known):
            if array is other or window(array) == window(other):
                return {"same": position}
        if array.dtype.kind not in "biufc":
            return None
        plain = packer.array(np.asarray(array), False, "")
        for number, other in list(self.given.items()):
            if other is array:
                return {"again": [number, plain]}
        self.count += 1
        self.given[self.count] = array
        return {"again": [self.count, plain]}

    def keep(self, function: Callable, context: list) -> int:
        """The number of a function, and of the arguments that the function which made it had."""
        self.count += 1
        self.functions[self.count] = function, context
        return self.count


def ascending(optimizer: Optimizer) -> Callable:
    """A step of an optimiser as a function: it gives what is remembered."""

    def ascend(flat, grad):
        optimizer.ascend(flat, grad)
        return optimizer.t, optimizer.arrays

    return ascend


def made(kind: str, content: Any, unpacker: Unpacker) -> Any:
    """The package's own objects among the arguments."""
    if kind == "params":
        shapes, flat, grad = content
        return Params(shapes_of(shapes), unpacker.value(flat), unpacker.value(grad))
    if kind == "model":
        return VAE(*(getattr(networks, name)(*arguments) for name, *arguments in content))
    raise KeyError(kind)


def shapes_of(shapes: dict) -> dict:
    """Shapes are tuples; JSON has lists."""
    return {name: shapes_of(shape) if isinstance(shape, dict) else tuple(shape) for name, shape in shapes.items()}


def arrays_in(values: list) -> list:
    """The arrays among arguments, in an order that both sides know."""
    found = []
    for value in values:
        if isinstance(value, np.ndarray):
            found.append(value)
        elif isinstance(value, Params):
            found += [value.flat, value.grad]
        elif isinstance(value, (list, tuple, dict)):
            found += arrays_in(list(value.values()) if isinstance(value, dict) else list(value))
    return found


def window(array: Any) -> tuple:
    """What an array sees: two arrays that see the same are one."""
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype


def of_use(value: Any) -> bool:
    """Whether it may be a function or a declaration: no module, no data set."""
    return not isinstance(value, ModuleType) and getattr(value, "nbytes", 0) < LARGE


def parameters_of(function: Callable) -> list | None:
    """The names of what a function takes, and whether each may be left out."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [[p.name, int(p.kind), p.default is not p.empty] for p in parameters]


def described(error: BaseException) -> dict[str, Any]:
    """An error as data: its kind, its words, and the lines of the code that it came from."""
    kinds = [kind.__name__ for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind]
    try:
        text = str(error)
    except BaseException:
        text = "(its text cannot be read)"
    syntax = None
    if isinstance(error, SyntaxError):
        syntax = [str(error.msg), str(error.filename or ""), error.lineno or 0]
    outside = (os.path.join(ROOT, "aevb_np"), "<frozen")
    frames = [[f.filename, f.lineno, f.name] for f in traceback.extract_tb(error.__traceback__)
              if not f.filename.startswith(outside) and "site-packages" not in f.filename]  # fmt: skip
    if isinstance(error, SyntaxError):
        frames = []
    return {"type": type(error).__name__, "kind": kinds[0], "text": text[:LONGEST], "syntax": syntax,
            "frames": frames[:1] + frames[1:][-FRAMES:]}  # fmt: skip


def main(folder: str) -> None:
    """Serve until nobody asks any more."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.path[:] = [*(place for place in sys.path if place != ROOT), folder]  # behind everything: they may have helpers
    module = ModuleType("submission")
    sys.modules["submission"] = module
    desk = Desk(module)
    while (request := receive(requests)) is not None:
        content, rest = request
        if "file" in content:
            vars(module)["__file__"] = content["file"]
        answers.write(desk.answer(content, rest))
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
    os._exit(0)  # whatever else it has started
