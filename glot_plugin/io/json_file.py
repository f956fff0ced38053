"""Reading JSON, with one kind of error for anything wrong with the file."""

import json
from pathlib import Path
from typing import Any

from glot_plugin.errors import InputError
from glot_plugin.io.messages import reason


def read_json(path: str | Path, fix: str = '') -> Any:
    """The contents of a JSON file.

    Args:
        path: The file.
        fix: How to fix an unreadable file, for the error message.

    Raises:
        InputError: The file is missing, not JSON, not UTF-8, or nested too deeply.
    """
    try:
        return json.loads(Path(path).read_text(encoding='utf-8'))
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(f'{path}: not readable as JSON ({reason(error)}){fix and f"; {fix}"}') from error
