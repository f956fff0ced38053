"""SPIN's regressor (Kolotouros et al., 2019), from which the paper starts the iterative regressor."""

from pathlib import Path

from torch import Tensor, nn

from glot_plugin.body_model.smpl_files import MeanParams
from glot_plugin.checkpoints.reading import check_finite, check_state, read_tensors, tensors_of
from glot_plugin.errors import InputError
from glot_plugin.models.iterative_regressor import IterativeRegressor
from glot_plugin.models.mean_params import HMR_BUFFERS, set_mean_params
from glot_plugin.registry import WEIGHT_INITIALIZERS

SPIN_FILE = 'spin_model_checkpoint.pth.tar'
# SPIN's layers and ours. Its second hidden layer, fc2, has no place in GLoT's forward pass.
LAYERS = {'fc1': 'fc1', 'decpose': 'decode_pose', 'decshape': 'decode_betas', 'deccam': 'decode_camera'}


@WEIGHT_INITIALIZERS.register_module()
class SPINInit:
    """Initialise the iterative regressor and the mean parameters inside a module from SPIN's checkpoint.

    Args:
        checkpoint: SPIN's checkpoint (`spin_model_checkpoint.pth.tar`).
    """

    def __init__(self, checkpoint: str | Path) -> None:
        self.checkpoint = checkpoint

    def __call__(self, module: nn.Module) -> None:
        start_from_spin(module, self.checkpoint)


def read_spin_state(path: str | Path) -> dict[str, Tensor]:
    """The state dict under `model` in a SPIN checkpoint: backbone and regressor; no code from the file is run.

    Raises:
        InputError: The file is missing or damaged, or has no state dict under `model`.
    """
    checkpoint = read_tensors(path)
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get('model'), dict):
        found = ', '.join(map(str, checkpoint))[:400] if isinstance(checkpoint, dict) else type(checkpoint).__name__
        raise InputError(f"{path}: not a SPIN checkpoint: no state dict under 'model'; found {found}")
    return tensors_of(checkpoint, 'model', path)


def read_spin_regressor(path: str | Path) -> dict[str, Tensor]:
    """The regressor's tensors in a SPIN checkpoint, by SPIN's names; no code from the file is run.

    Returns:
        `fc1`, `decpose`, `decshape` and `deccam` (`.weight`, `.bias`), `init_pose`, `init_shape` and `init_cam`.

    Raises:
        InputError: The file is missing or damaged, lacks the key `model` or some of the tensors (they are listed), or
            has NaN, infinite or complex weights.
    """
    if not Path(path).is_file():
        raise InputError(
            f'{path}: no such file, but init_from_spin requires it; put {SPIN_FILE} there, name its folder '
            '(--body-models DIR), or train without it (--cfg-options model.init_from_spin=None)'
        )
    state = read_spin_state(path)
    names = [f'{layer}.{kind}' for layer in LAYERS for kind in ('weight', 'bias')] + list(HMR_BUFFERS)
    missing = [name for name in names if name not in state]
    if missing:
        raise InputError(f"{path}: not SPIN's regressor: 'model' has no {', '.join(missing)}")
    found = {name: state[name] for name in names}
    check_finite(found, path)
    return found


def start_from_spin(module: nn.Module, path: str | Path) -> None:
    """Initialise the iterative regressor and every mean parameter inside `module` from SPIN's.

    Raises:
        InputError: See `fit_spin`.
    """
    regressor, state = fit_spin(module, path)
    regressor.load_state_dict(state)
    prefix = 'mean_params.'
    mean = {key.removeprefix(prefix): value.numpy() for key, value in state.items() if key.startswith(prefix)}
    set_mean_params(module, MeanParams(**mean))


def fit_spin(module: nn.Module, path: str | Path) -> tuple[IterativeRegressor, dict[str, Tensor]]:
    """The iterative regressor inside `module`, and SPIN's tensors under its names; `module` is not changed.

    Raises:
        InputError: The file is not SPIN's (see `read_spin_regressor`), its shapes differ (they are listed), or `module`
            does not have exactly one `IterativeRegressor`.
    """
    regressors = [child for child in module.modules() if isinstance(child, IterativeRegressor)]
    if len(regressors) != 1:
        raise InputError(
            f'init_from_spin={str(path)!r}: the head has {len(regressors)} IterativeRegressor, expected one to start'
        )
    tensors = read_spin_regressor(path)
    names = {f'{spin}.{kind}': f'{name}.{kind}' for spin, name in LAYERS.items() for kind in ('weight', 'bias')}
    state = {name: tensors[spin] for spin, name in names.items()}
    state |= {f'mean_params.{name}': tensors[buffer].flatten() for buffer, name in HMR_BUFFERS.items()}
    check_state(state, regressors[0].state_dict(), f'{path}: does not fit the model of this config')
    return regressors[0], state
