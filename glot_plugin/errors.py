"""What a user can get wrong, or a run can run into: the tools print these messages alone and exit with status 2."""


class InputError(ValueError):
    """Bad input: the message names the file, key or option, what was found and what was expected."""


class NonFiniteLossError(ArithmeticError):
    """A loss term became infinite or NaN: the message names the iteration and the term."""
