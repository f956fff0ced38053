"""The model of an mmhuman3d config, and its weights."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from mmcv import Config
from mmcv.runner.checkpoint import _load_checkpoint
from mmhuman3d.models.architectures.builder import build_architecture
from mmhuman3d.models.body_models.builder import BODY_MODELS
from torch import nn

from glot_plugin.checkpoints.claims import check_claims
from glot_plugin.config import config_errors as mmengine_config_errors
from glot_plugin.errors import InputError
from glot_plugin.framework.for_mmhuman3d.state_dict_hooks import keep_out_of_checkpoints
from glot_plugin.io.messages import reason


def build_model(cfg: Config) -> nn.Module:
    """The model of a config; its body models stay out of checkpoints."""
    with config_errors(str(cfg.filename)):
        model = build_architecture(cfg.model)
    for part in _body_models(model).values():
        keep_out_of_checkpoints(part)
    return model


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Load a checkpoint that must fit the model; body models in it (mmhuman3d's own hold them) are left out.

    Raises:
        InputError: It is missing, damaged, or does not fit (its keys are listed).
    """
    try:
        check_claims(check_exists(Path(path)))
        checkpoint = _load_checkpoint(str(path), map_location='cpu')
    except InputError:
        raise
    except Exception as error:  # torch, zipfile and pickle each have their own for a damaged file
        raise InputError(f'{path}: not a valid checkpoint ({reason(error)})') from error
    state = checkpoint.get('state_dict', checkpoint)
    state = {key.removeprefix('module.'): value for key, value in state.items()}
    bodies = tuple(f'{name}.' for name in _body_models(model))
    kept = {f'{name}.{each}' for name, part in _body_models(model).items() for each, _ in part.named_parameters()}
    state = {key: value for key, value in state.items() if key in kept or not key.startswith(bodies)}
    state.update({key: value for key, value in model.state_dict().items() if key in kept and key not in state})
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise InputError(f'{path}: does not fit the model of this config\n{error}') from error


def check_exists(path: Path) -> Path:
    """The path of a checkpoint, or an `InputError` where there is none."""
    if not path.is_file():
        raise InputError(f'{path}: no such checkpoint')
    return path


def _body_models(model: nn.Module) -> dict[str, nn.Module]:
    kinds = tuple(BODY_MODELS.module_dict.values())
    return {name: module for name, module in model.named_children() if isinstance(module, kinds)}


@contextlib.contextmanager
def config_errors(name: str) -> Iterator[None]:
    """Turn errors of mmcv's registries about types and arguments into `InputError`s that name the config."""
    try:
        with mmengine_config_errors(name):
            yield
    except KeyError as error:
        match = re.search(r'(\S+) is not in the (.+?) registry', str(error))
        if match is None:
            raise
        unknown = match[1].strip('\'"')
        hint = '' if match[2] in ('optimizer', 'runner', 'hook') else "; docs/mixing.md lists GLoT's parts"
        raise InputError(f'{name}: unknown type {unknown!r} in {match[2].removeprefix("glot::")}{hint}') from error
    except AttributeError as error:
        if not re.search("'NoneType' object has no attribute '(get|parent)'", str(error)):
            raise
        raise InputError(
            f"{name}: a type of an unknown scope; expected a plain name, 'glot.…' or 'mmhuman3d.…'"
        ) from error
