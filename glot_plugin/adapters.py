"""Adapters for parts of other frameworks: a framework registers how its classes are adapted, and the core calls these.

Both functions dispatch on the class of the part (`functools.singledispatch`): `as_body_model.register(Class)`.
"""

import inspect
from functools import singledispatch

from torch import nn

from glot_plugin.errors import InputError

BODY_METHODS = ('joints', 'vertices')


@singledispatch
def as_body_model(part: nn.Module) -> nn.Module:
    """The part as a body model with the methods `joints` and `vertices` of `SMPLBody`.

    Raises:
        InputError: The part is not a body model, and no framework has registered an adapter for it.
    """
    missing = [name for name in BODY_METHODS if not callable(getattr(part, name, None))]
    if missing:
        raise InputError(
            f'body_model: {type(part).__name__} has no method {" nor ".join(missing)}; expected an SMPLBody, or '
            "another framework's body model that has an adapter (docs/mixing.md lists them)"
        )
    return part


@singledispatch
def as_loss_term(part: nn.Module, term: str) -> nn.Module:
    """The part as the term `term` of a `GLoTLoss`, called with four tensors (see the terms of `glot_plugin.losses`).

    Raises:
        InputError: It cannot be called with four tensors.
    """
    try:
        inspect.signature(part.forward).bind(*range(4))
    except TypeError:
        third, fourth = ('confidence', 'mask') if term.endswith('2d') else ('mask', 'clip_weight')
        raise InputError(
            f'terms.{term}: {type(part).__name__}{inspect.signature(part.forward)} does not fit, expected a loss that '
            f'takes (pred, target, {third}, {fourth})'
        ) from None
    return part
