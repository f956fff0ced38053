"""Reading checkpoints: safely (`weights_only`), completely, with errors that say what does not fit."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from glot_plugin.errors import InputError


def read_checkpoint(path: str | Path, map_location: str | torch.device = 'cpu') -> dict[str, Any]:
    """Read a checkpoint file without running code from it.

    Raises:
        InputError: The file is absent, truncated, holds more than tensors and plain values, or has no `state_dict`.
    """
    checkpoint = read_tensors(path, map_location)
    if isinstance(checkpoint, dict) and 'gen_state_dict' in checkpoint:
        raise InputError(
            f'{path}: a checkpoint of the original GLoT; first run tools/convert_checkpoint.py {path} OUT.pth'
        )
    if not isinstance(checkpoint, dict) or 'state_dict' not in checkpoint:
        found = ', '.join(map(str, checkpoint)) if isinstance(checkpoint, dict) else type(checkpoint).__name__
        raise InputError(f"{path}: no 'state_dict' in this checkpoint; found {found}")
    return checkpoint


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
    own = module.state_dict()
    missing = sorted(set(own) - set(state))
    unexpected = sorted(set(state) - set(own))
    misfits = [
        f'{key}: {tuple(state[key].shape)}, expected {tuple(own[key].shape)}'
        for key in sorted(set(own) & set(state))
        if state[key].shape != own[key].shape
    ]
    problems = {'missing': missing, 'unexpected': unexpected, 'wrong shape': misfits}
    if any(problems.values()):
        lines = [f'  {kind} ({len(keys)}): {", ".join(keys)}' for kind, keys in problems.items() if keys]
        raise InputError('\n'.join([f'{name}: does not fit the model of this config', *lines]))
    module.load_state_dict(state)
