"""Arrays of text from files: numpy stores code points as 32 bits each, and takes any number for one."""

import sys

import numpy as np

NO_TEXT = 'found numbers that are no characters, expected text'


def is_text(array: np.ndarray) -> bool:
    """Whether every code point of an array of text is one; of other types, and in empty arrays, there is none.

    Others end in errors of Python itself wherever they are looked at.
    """
    if array.dtype.kind != 'U' or not array.nbytes:
        return True
    codes = np.ascontiguousarray(array).reshape(-1).view(np.dtype('u4').newbyteorder(array.dtype.byteorder))
    return int(codes.max()) <= sys.maxunicode
