"""The two chumpy classes that SMPL's official pickles hold, so that smplx (and with it mmhuman3d) reads them.

chumpy does not import on Python 3.11 or later. What the pickles carry are finished arrays: smplx asks such an object
for its shape, slices it and makes a numpy array of it.
"""

from typing import Any

import numpy as np

from glot_plugin.safe_pickle import ChumpyArray, ChumpySelection


class _ReadOnlyArray:
    """What smplx reads of an array, for objects that have `__array__`."""

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


class Ch(_ReadOnlyArray, ChumpyArray):
    """`chumpy.ch.Ch` as it comes out of a pickle."""


class Select(_ReadOnlyArray, ChumpySelection):
    """`chumpy.reordering.Select` as it comes out of a pickle."""
