"""Reading checkpoints: safely (`weights_only`), completely, with errors that say what does not fit."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from glot_plugin.errors import InputError


def read_checkpoint(path: str | Path, map_location: str | torch.device = 'cpu') -> dict[str, Any]:
    """Read a checkpoint file without running code from it.

    Raises:
        InputError: The file is absent, truncated, holds more than tensors and plain values, or has no `state_dict`
            of tensors.
    """
    checkpoint = read_tensors(path, map_location)
    if isinstance(checkpoint, dict) and 'gen_state_dict' in checkpoint:
        raise InputError(
            f'{path}: a checkpoint of the original GLoT; first run tools/convert_checkpoint.py {path} OUT.pth'
        )
    if not isinstance(checkpoint, dict) or 'state_dict' not in checkpoint:
        found = ', '.join(map(str, checkpoint)) if isinstance(checkpoint, dict) else type(checkpoint).__name__
        raise InputError(f"{path}: no 'state_dict' in this checkpoint; found {found}")
    tensors_of(checkpoint, 'state_dict', path)
    return checkpoint


def tensors_of(checkpoint: dict[str, Any], key: str, path: str | Path) -> dict[str, Tensor]:
    """What a checkpoint has under `key`: tensors by name.

    Raises:
        InputError: It has anything else there.
    """
    state = checkpoint[key]
    if not isinstance(state, dict):
        raise InputError(f'{path}: {key!r} is a {type(state).__name__}, expected tensors by name')
    others = [str(name) for name, value in state.items() if not (isinstance(name, str) and isinstance(value, Tensor))]
    if others:
        raise InputError(f'{path}: {key!r} has other things than tensors by name: {", ".join(others)}')
    return state


def read_tensors(path: str | Path, map_location: str | torch.device = 'cpu') -> Any:
    """Read a file that torch wrote, of tensors and plain values, whatever its layout.

    Raises:
        InputError: The file is absent, truncated, or holds anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such checkpoint')
    try:
        checkpoint = torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:  # torch, zipfile and pickle each have their own for a damaged file
        reason = str(error).splitlines()[0]
        raise InputError(
            f'{path}: not a whole checkpoint of tensors and plain values ({type(error).__name__}: {reason})'
        ) from error
    return checkpoint


def load_state(module: nn.Module, state: dict[str, Tensor], name: str) -> None:
    """Load a state dict that must fit exactly; `name` stands for its file in errors.

    Raises:
        InputError: Lists the missing, unexpected and wrong-shaped keys. The module is left as it was.
    """
    check_state(state, module.state_dict(), f'{name}: does not fit the model of this config')
    module.load_state_dict(state)


def check_state(state: dict[str, Tensor], expected: dict[str, Tensor], problem: str) -> None:
    """Check that a state dict has the expected keys, all of them, with the expected shapes.

    Raises:
        InputError: `problem`, with the missing, unexpected and wrong-shaped keys.
    """
    missing = sorted(set(expected) - set(state))
    unexpected = sorted(set(state) - set(expected))
    misfits = [
        f'{key}: {tuple(state[key].shape)}, expected {tuple(expected[key].shape)}'
        for key in sorted(set(expected) & set(state))
        if state[key].shape != expected[key].shape
    ]
    problems = {'missing': missing, 'unexpected': unexpected, 'wrong shape': misfits}
    if any(problems.values()):
        lines = [f'  {kind} ({len(keys)}): {", ".join(keys)}' for kind, keys in problems.items() if keys]
        raise InputError('\n'.join([problem, *lines]))
