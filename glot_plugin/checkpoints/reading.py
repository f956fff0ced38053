"""Reading checkpoints safely (`weights_only`) and completely, with errors that say what does not fit."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from glot_plugin.checkpoints.claims import check_claims
from glot_plugin.errors import InputError
from glot_plugin.io.messages import brief, reason

MAX_NAMES = 20  # in an error
_WHOLE = 'a whole number'
_META = {
    **dict.fromkeys(('epoch', 'iter'), (int | float, _WHOLE)),
    'seed': (int, _WHOLE),
    **dict.fromkeys(('experiment_name', 'exp_name', 'cfg', 'config'), (str, 'a text')),
}


def read_checkpoint(path: str | Path, map_location: str | torch.device = 'cpu') -> dict[str, Any]:
    """Read a checkpoint file without running code from it.

    Raises:
        InputError: The file is missing or truncated, contains more than tensors and plain values, or has no
            `state_dict` of tensors.
    """
    checkpoint = read_tensors(path, map_location)
    if isinstance(checkpoint, dict) and 'gen_state_dict' in checkpoint:
        raise InputError(
            f'{path}: a checkpoint of the original GLoT; first run tools/convert_checkpoint.py {path} OUT.pth'
        )
    if not isinstance(checkpoint, dict) or 'state_dict' not in checkpoint:
        found = ', '.join(map(str, checkpoint))[:400] if isinstance(checkpoint, dict) else type(checkpoint).__name__
        raise InputError(f"{path}: no 'state_dict' in this checkpoint; found {found}")
    tensors_of(checkpoint, 'state_dict', path)
    meta_of(checkpoint, path)
    return checkpoint


def meta_of(checkpoint: dict[str, Any], path: str | Path) -> dict[str, Any]:
    """What mmengine and mmcv record about a training beside its weights; empty if the checkpoint has no `meta`.

    Raises:
        InputError: `meta` is not a dict, or a value in it has an unexpected type.
    """
    meta = checkpoint.get('meta')
    if not isinstance(meta, dict | None):
        raise InputError(f"{path}: 'meta' is a {type(meta).__name__}, expected a dict")
    meta = meta or {}
    for key, (kind, expected) in _META.items():
        value = meta.get(key)
        if not isinstance(value, kind | None) or (expected == _WHOLE and value is not None and value % 1 != 0):
            raise InputError(f"{path}: 'meta' has {brief(value)} for {key!r}, expected {expected}")
    return meta


def check_finite(state: dict[str, Tensor], where: str | Path) -> None:
    """Check that weights are real, finite numbers.

    Raises:
        InputError: A tensor has NaN, infinite or complex values; the message names it.
    """
    for name, tensor in state.items():
        if tensor.is_complex():
            raise InputError(f'{where}: {name} has complex numbers ({tensor.dtype}), expected real ones')
        values = tensor.float() if tensor.is_floating_point() and tensor.itemsize == 1 else tensor
        bad = values.numel() - int(torch.isfinite(values).sum())
        if bad:
            raise InputError(f'{where}: {name} has {bad} NaN or infinite values of {values.numel()}')


def tensors_of(checkpoint: dict[str, Any], key: str, path: str | Path) -> dict[str, Tensor]:
    """The tensors by name that a checkpoint has under `key`.

    Raises:
        InputError: It has anything else there.
    """
    state = checkpoint[key]
    if not isinstance(state, dict):
        raise InputError(f'{path}: {key!r} is a {type(state).__name__}, expected tensors by name')
    others = [
        str(name)[:80] for name, value in state.items() if not (isinstance(name, str) and isinstance(value, Tensor))
    ]
    if others:
        raise InputError(f'{path}: {key!r} has other things than tensors by name: {", ".join(others[:MAX_NAMES])}')
    return state


def read_tensors(path: str | Path, map_location: str | torch.device = 'cpu') -> Any:
    """Read tensors and plain values from a file that torch wrote, in either layout.

    Raises:
        InputError: The file is missing or truncated, or contains anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: ' + ('a folder, expected a checkpoint' if path.is_dir() else 'no such checkpoint'))
    try:
        check_claims(path)
        return torch.load(path, map_location=map_location, weights_only=True)
    except InputError:
        raise
    except Exception as error:  # torch, zipfile and pickle raise different ones for a damaged file
        raise InputError(f'{path}: not a valid checkpoint of tensors and plain values ({reason(error)})') from error


def load_state(module: nn.Module, state: dict[str, Tensor], name: str) -> None:
    """Load a state dict that must fit exactly; errors call its file `name`.

    Raises:
        InputError: Keys are missing, unexpected or have the wrong shape (they are listed); the module is unchanged.
    """
    check_state(state, module.state_dict(), f'{name}: does not fit the model of this config')
    module.load_state_dict(state)


def check_state(state: dict[str, Tensor], expected: dict[str, Tensor], problem: str) -> None:
    """Check that a state dict has exactly the expected keys, with the expected shapes.

    Raises:
        InputError: It has not; the message is `problem` with the missing, unexpected and wrong-shaped keys.
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
