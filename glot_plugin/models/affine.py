"""Affine maps, however many layers they are made of, as one matrix."""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn


def affine_matrix(function: Callable[[Tensor], Tensor], width: int) -> tuple[Tensor, Tensor]:
    """Matrix (out, width) and offset (out,) of an affine function of vectors (..., width), in float64 on the CPU.

    The function is evaluated at zero and at the unit vectors, which determines it: nothing of its algebra is repeated
    here. Nothing tells whether it is affine: that is the caller's to know.
    """
    points = torch.cat([torch.zeros(1, width, dtype=torch.float64), torch.eye(width, dtype=torch.float64)])
    with torch.no_grad():
        values = function(points)
    return (values[1:] - values[0]).T, values[0]


def in_double(module: nn.Module) -> nn.Module:
    """A copy of a module for evaluation in float64 on the CPU."""
    return deepcopy(module).to('cpu', torch.float64).eval()
