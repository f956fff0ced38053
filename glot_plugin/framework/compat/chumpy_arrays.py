"""The two chumpy classes that SMPL's official pickles hold, so that smplx (and with it mmhuman3d) reads them.

chumpy does not import on Python 3.11 or later. The pickles hold finished arrays: smplx reads the shape of such an
object, slices it and converts it to a numpy array.
"""

from typing import Any

import numpy as np


class _ReadOnlyArray:
    """The part of numpy's array interface that smplx uses, for objects that have `__array__`."""

    @property
    def r(self) -> np.ndarray:
        """The values, by chumpy's name."""
        return np.asarray(self)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.r.shape

    def __len__(self) -> int:
        return len(self.r)

    def __getitem__(self, index: Any) -> np.ndarray:
        return self.r[index]


class Ch(_ReadOnlyArray):
    """What a pickled `chumpy.ch.Ch` holds: its array `x`."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.x, dtype=dtype)


class Select(_ReadOnlyArray):
    """What a pickled `chumpy.reordering.Select` holds: elements `idxs` of the array `a`, in `preferred_shape`."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        selected = np.asarray(self.a).ravel()[np.asarray(self.idxs)]
        return selected.reshape(getattr(self, 'preferred_shape', selected.shape)).astype(dtype or selected.dtype)
