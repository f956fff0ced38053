"""Reading JSON, with one error for whatever is wrong with it."""

import json
from pathlib import Path
from typing import Any

from glot_plugin.errors import InputError
from glot_plugin.io.messages import reason


def read_json(path: str | Path, fix: str = '') -> Any:
    """What a JSON file holds.

    Args:
        path: The file.
        fix: What to do about one that cannot be read, for the error.

    Raises:
        InputError: It is absent, no JSON, not UTF-8, or nested too deep.
    """
    try:
        return json.loads(Path(path).read_text(encoding='utf-8'))
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(f'{path}: not readable as JSON ({reason(error)}){fix and f"; {fix}"}') from error
