"""Two sums that BLAS adds to an array in one pass, where NumPy would make a new array first and add it afterwards.

SciPy hands out the routines of its BLAS. It is loaded at the first sum, for it takes longer than NumPy itself.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGE = 100_000  # numbers in C: a smaller product stays in the cache, and a new array for it costs nothing


@cache
def routine(name: str, kind: str) -> Callable[..., Any]:
    """The BLAS routine of this name for this kind of numbers, such as "f" for float32."""
    from scipy.linalg.blas import get_blas_funcs

    return get_blas_funcs(name, dtype=np.dtype(kind))


def add_product(C: NDArray, A: NDArray, B: NDArray) -> None:
    """C += A^T B.   (n, m), (M, n), (M, m)"""
    if C.size >= LARGE and len(A) and C.dtype == A.dtype == B.dtype and in_place(C):
        # BLAS counts columns first: for it C, A and B are their transposes, and C^T += B^T A
        routine("gemm", C.dtype.char)(1, B.T, A.T, 1, C.T, trans_b=True, overwrite_c=True)
    else:
        C += A.T @ B


def add_scaled(y: NDArray, a: float, x: NDArray) -> None:
    """y += a x.   (P,), (P,)"""
    if len(y) and y.dtype == x.dtype and in_place(y):
        routine("axpy", y.dtype.char)(x, y, a=a)
    else:
        y += a * x


def in_place(array: NDArray) -> bool:
    """Whether SciPy hands the array itself to BLAS and not a copy of it."""
    return array.dtype.char in "fdFD" and array.flags.c_contiguous and array.flags.aligned and array.flags.writeable
