"""Short descriptions, for error messages, of values and errors that come from files."""

from typing import Any

import numpy as np

MAX_LENGTH = 80
_FEW = 4


def brief(value: Any) -> str:
    """The `repr` of a value if that is short, otherwise its type and size.

    A few bytes of nested lists can print without end, so nothing nested is printed.
    """
    if isinstance(value, list | tuple) and len(value) <= _FEW and not any(map(_is_nested, value)):
        items = ', '.join(map(brief, value))
        return f'[{items}]' if isinstance(value, list) else f'({items}{"," * (len(value) == 1)})'
    if isinstance(value, np.ndarray):
        return f'an array of {value.dtype} {value.shape}'
    if _is_nested(value):
        size = f' of {len(value)}' if hasattr(value, '__len__') else ''
        return f'a {type(value).__name__}{size}'
    if isinstance(value, int) and value.bit_length() > 128:
        return f'a whole number of {value.bit_length()} bits'
    if isinstance(value, str | bytes | bytearray) and len(value) > MAX_LENGTH:
        return f'{value[:MAX_LENGTH]!r}…'
    return repr(value)


def reason(error: BaseException) -> str:
    """The type of an error and the first line of its message."""
    text = (str(error).splitlines() or [''])[0]
    return f'{type(error).__name__}: {text[: 4 * MAX_LENGTH]}' if text else type(error).__name__


def _is_nested(value: Any) -> bool:
    return not isinstance(value, str | bytes | bytearray | bool | int | float | complex | np.number | np.bool_ | None)
