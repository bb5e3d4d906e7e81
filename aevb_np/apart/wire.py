"""What the two processes say to each other: a tree for JSON, and the numbers of all arrays in one run of bytes.

A tree holds None, truth values, numbers and texts as they are; everything else is a dictionary with one entry, its kind
and its content. Nothing is unpickled, so an answer is data, whoever wrote it.
"""

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

HEAD = struct.Struct(">QQ")  # bytes of the tree, bytes of the arrays
LARGEST = 2**26  # bytes of one answer
DEEPEST = 50


class MalformedError(Exception):
    """An answer that is none."""


def kind_named(name: str) -> type:
    """A class with this name, for what no tree can hold: all that is known of such a thing is what it is called."""
    return type(name, (), {"__repr__": lambda self: f"<{name}>"})


class Packer:
    """Values as a tree and a run of bytes; `special(value)` is asked first, and gives a tree or None."""

    def __init__(self, special: Callable[[Any], Any] = lambda value: None):
        self.special, self.pieces, self.size = special, list[bytes](), 0

    def tree(self, value: Any, depth: int = 0) -> Any:
        """The tree of a value."""
        if value is None or type(value) in (bool, float, str) or type(value) is int and abs(value) < 2**63:
            return value
        if depth > DEEPEST:
            return {"thing": type(value).__name__}
        if (told := self.special(value)) is not None:
            return told
        if isinstance(value, (np.ndarray, np.generic)):
            return self.array(np.asarray(value), isinstance(value, np.generic), type(value).__name__)
        if isinstance(value, Mapping):
            pairs = [[self.tree(k, depth + 1), self.tree(v, depth + 1)] for k, v in list(value.items())]
            return {"dict": pairs}
        if isinstance(value, (list, tuple)):
            return {"list" if isinstance(value, list) else "tuple": [self.tree(v, depth + 1) for v in value]}
        if hasattr(type(value), "__array__"):  # another library's array
            return self.tree(np.asarray(value), depth + 1)
        return {"thing": type(value).__name__}

    def array(self, array: NDArray, number: bool, name: str) -> Any:
        """An array of numbers: its type, shape and place in the run of bytes."""
        if array.dtype.kind not in "biufc":
            return {"thing": name}
        content = array.tobytes()
        self.pieces.append(content)
        self.size += len(content)
        return {"number" if number else "array": [array.dtype.str, array.shape, self.size - len(content)]}

    def frame(self, content: Any) -> bytes:
        """All of it as it is sent; `content` is made of this packer's trees."""
        text = json.dumps(content).encode("ascii")
        return b"".join([HEAD.pack(len(text), self.size), text, *self.pieces])


class Unpacker:
    """The values of a tree and its run of bytes; `special(kind, content)` knows the kinds that are not known here."""

    def __init__(self, rest: bytes, special: Callable[[str, Any], Any]):
        self.rest, self.special = rest, special

    def value(self, tree: Any, depth: int = 0) -> Any:
        """The value of a tree.

        Raises
        ------
        MalformedError
            If it is no such tree.
        """
        if tree is None or isinstance(tree, (bool, int, float, str)):
            return tree
        if not isinstance(tree, dict) or len(tree) != 1 or depth > DEEPEST + 2:
            raise MalformedError
        ((kind, content),) = tree.items()
        try:
            if kind in ("array", "number"):
                return self.array(*content)[()] if kind == "number" else self.array(*content)
            if kind in ("list", "tuple"):
                values = [self.value(v, depth + 1) for v in content]
                return values if kind == "list" else tuple(values)
            if kind == "dict":
                return {self.value(k, depth + 1): self.value(v, depth + 1) for k, v in content}
            if kind == "thing":
                return kind_named(str(content)[:100])()
            return self.special(kind, content)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as error:
            raise MalformedError from error

    def array(self, dtype: Any, shape: Any, start: Any) -> NDArray:
        """An array of one's own."""
        kind = np.dtype(dtype)
        if kind.kind not in "biufc" or not all(isinstance(n, int) and n >= 0 for n in (*shape, start)):
            raise MalformedError
        count = 1
        for n in shape:
            count *= n
        flat = np.frombuffer(self.rest, kind, count, start) if count else np.zeros(0, kind)
        return flat.reshape(shape).copy()


def told(text: bytes) -> dict[str, Any]:
    """The content of a frame.

    Raises
    ------
    MalformedError
        If it is none.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError from error
    if not isinstance(content, dict):
        raise MalformedError
    return content


def receive(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next frame of a stream that can be trusted, or None at its end."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    text, rest = (stream.read(n) for n in HEAD.unpack(head))
    return told(text), rest


def refresh(old: Any, new: Any) -> Any:
    """Make `old`, which the other side has as well, what it has become there; what cannot be changed is `new`."""
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        if old.shape != new.shape or old.dtype != new.dtype:
            return new
        if not np.array_equal(old, new, equal_nan=old.dtype.kind in "fc"):
            old[...] = new
        return old
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [name for name in old if name not in new]:
            del old[name]
        for name, value in new.items():
            old[name] = refresh(old[name], value) if name in old else value
        return old
    if isinstance(old, list) and isinstance(new, list):
        old[:] = [refresh(a, b) for a, b in zip(old, new)] + new[len(old) :]
        return old
    if isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
        for a, b in zip(old, new):
            refresh(a, b)
        return old
    if hasattr(old, "flat") and hasattr(old, "grad") and isinstance(new, tuple) and len(new) == 2:  # Params
        refresh((old.flat, old.grad), new)
        return old
    return new
