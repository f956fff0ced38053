"""Errors that a user can fix: the tools print only their message, without a traceback, and exit with status 2."""

import re

# torch prepends the worker's traceback to the message of an error raised in a data loader's worker.
_FROM_WORKER = re.compile(r'(?s)Caught \w*InputError in .*InputError: ')


class InputError(ValueError):
    """Bad input: the message names the file, key or option, what was found and what was expected."""

    def __init__(self, message: str) -> None:
        message = _FROM_WORKER.sub('', message).rstrip('\n')
        # names from files may hold half of a pair of surrogates, which no terminal takes
        super().__init__(message.encode('utf-8', 'backslashreplace').decode('utf-8'))


class WriteError(InputError):
    """A file cannot be written: the message names it and the reason; on a full disk also the space needed and free."""


class NonFiniteLossError(ArithmeticError):
    """A loss term or a weight became infinite or NaN: the message names the iteration, and the term or the weight."""
