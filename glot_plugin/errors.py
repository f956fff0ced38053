"""What a user can get wrong, or a run can run into: the tools print these messages alone and exit with status 2."""

import re

# What torch puts before the message of an error that it brings from a data loader's worker: the traceback's text.
_FROM_WORKER = re.compile(r'(?s)Caught \w*InputError in .*InputError: ')


class InputError(ValueError):
    """Bad input: the message names the file, key or option, what was found and what was expected."""

    def __init__(self, message: str) -> None:
        super().__init__(_FROM_WORKER.sub('', message).rstrip('\n'))


class WriteError(InputError):
    """A file cannot be written: the message names it and the reason; on a full disk also the room needed and free."""


class NonFiniteLossError(ArithmeticError):
    """A loss term or a weight became infinite or NaN: the message names the iteration, and the term or the weight."""
