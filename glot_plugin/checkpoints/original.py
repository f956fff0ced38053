"""Converting checkpoints of the original implementation to ours and back.

An original checkpoint has its weights in `gen_state_dict`. Its forward pass never uses some of them: the second hidden
layer of HMR's regressor and two decoders inside the joint regressor. They have no place in our model, but are kept
beside it in the converted file, so that converting back is lossless. Body-model buffers (`*.smpl.*`) are dropped.
"""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glot_plugin.checkpoints.reading import check_finite, check_state, meta_of, read_tensors, tensors_of
from glot_plugin.errors import InputError
from glot_plugin.io.files import write_bytes
from glot_plugin.models import GLoTHead

ORIGINAL_KEY = 'gen_state_dict'
MAX_FRAMES = 1024  # per window; the paper uses 16
# Original prefix to ours; the longest matching prefix is used.
_TRANSFORMER = 'head.global_branch.transformer'
_REGRESSOR = 'head.global_branch.regressor'
_LOCAL = 'head.local_branch'
PREFIXES = {
    'global_modeling.proj.': f'{_TRANSFORMER}.embed.',
    'global_modeling.trans.pos_embed': f'{_TRANSFORMER}.position.embedding',
    'global_modeling.trans.decoder_pos_embed': f'{_TRANSFORMER}.decoder_position.embedding',
    'global_modeling.trans.mask_token_mlp.': f'{_TRANSFORMER}.masking.token.mlp.',
    'global_modeling.trans.blocks.': f'{_TRANSFORMER}.encoder.blocks.',
    'global_modeling.trans.norm.': f'{_TRANSFORMER}.encoder.norm.',
    'global_modeling.trans.decoder_blocks.': f'{_TRANSFORMER}.decoder.blocks.',
    'global_modeling.trans.decoder_norm.': f'{_TRANSFORMER}.decoder.norm.',
    'global_modeling.trans.decoder_embed.': f'{_TRANSFORMER}.decoder_embed.',
    'global_modeling.out_proj.': f'{_TRANSFORMER}.out_proj.',
    'global_modeling.regressor.fc1.': f'{_REGRESSOR}.fc1.',
    'global_modeling.regressor.decpose.': f'{_REGRESSOR}.decode_pose.',
    'global_modeling.regressor.decshape.': f'{_REGRESSOR}.decode_betas.',
    'global_modeling.regressor.deccam.': f'{_REGRESSOR}.decode_camera.',
    'proj_short.': f'{_LOCAL}.embed.',
    'proj_mem.': f'{_LOCAL}.memory_embed.',
    'local_trans_de.q_l.': f'{_LOCAL}.cross_attention.query.',
    'local_trans_de.kv_l.': f'{_LOCAL}.cross_attention.key_value.',
    'local_trans_de.proj.': f'{_LOCAL}.cross_attention.proj.',
    'local_trans_en.pos_embed': f'{_LOCAL}.position.embedding',
    'local_trans_en.blocks.': f'{_LOCAL}.encoder.blocks.',
    'local_trans_en.norm.': f'{_LOCAL}.encoder.norm.',
    'regressor.fc1.': f'{_LOCAL}.regressor.hidden_shape.',
    'regressor.fc2.': f'{_LOCAL}.regressor.hidden_pose.',
    'regressor.decshape.': f'{_LOCAL}.regressor.correct_betas.',
    'regressor.deccam.': f'{_LOCAL}.regressor.correct_camera.',
    'regressor.local_reg.joint_regs.': f'{_LOCAL}.regressor.correct_pose.joints.',
}
# Mean parameters: one original tensor (1, n) becomes two of ours (n,).
MEAN_PARAMS = {'init_pose': 'pose6d', 'init_shape': 'betas', 'init_cam': 'camera'}
MEAN_PARAMS_OWNERS = (f'{_REGRESSOR}.mean_params', f'{_TRANSFORMER}.masking.token.mean_params')
_ORIGINAL_MEAN = 'global_modeling.regressor.'
# Tensors of an original checkpoint that its forward pass never reads.
UNUSED_SHAPES = {
    'global_modeling.regressor.fc2.weight': (1024, 1024),
    'global_modeling.regressor.fc2.bias': (1024,),
    'regressor.local_reg.decshape.weight': (10, 1024),
    'regressor.local_reg.decshape.bias': (10,),
    'regressor.local_reg.deccam.weight': (3, 1024),
    'regressor.local_reg.deccam.bias': (3,),
}
_BODY_MODEL = re.compile(r'^(global_modeling\.)?regressor\.smpl\.')


def from_original(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor], list[str]]:
    """Translate an original `gen_state_dict`.

    Returns:
        Our state dict, the unused tensors (kept for converting back), and the names that were dropped.

    Raises:
        InputError: A name does not belong to an original GLoT checkpoint.
    """
    renamed, unused, dropped = {}, {}, []
    for name, tensor in state.items():
        short = name.removeprefix(_ORIGINAL_MEAN)
        if _BODY_MODEL.match(name):
            dropped.append(name)
        elif name in UNUSED_SHAPES:
            unused[name] = tensor
        elif short in MEAN_PARAMS and name != short:
            for owner in MEAN_PARAMS_OWNERS:
                renamed[f'{owner}.{MEAN_PARAMS[short]}'] = tensor.reshape(-1).clone()
        else:
            renamed[_renamed(name, PREFIXES)] = tensor
    return renamed, unused, dropped


def to_original(state: dict[str, Tensor], unused: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
    """Translate our state dict back; tensors that the original never reads come from `unused`, or are zeros.

    Raises:
        InputError: A name has no counterpart in the original.
    """
    prefixes = {name: original for original, name in PREFIXES.items()}
    original = {}
    for name, tensor in state.items():
        owner, _, leaf = name.rpartition('.')
        if owner in MEAN_PARAMS_OWNERS:
            if owner == MEAN_PARAMS_OWNERS[0]:
                key = next(k for k, v in MEAN_PARAMS.items() if v == leaf)
                original[_ORIGINAL_MEAN + key] = tensor[None].clone()
        else:
            original[_renamed(name, prefixes)] = tensor
    return {**original, **(unused or _unused_zeros())}


def _unused_zeros() -> dict[str, Tensor]:
    return {name: torch.zeros(shape) for name, shape in UNUSED_SHAPES.items()}


def _renamed(name: str, prefixes: dict[str, str]) -> str:
    prefix = max((prefix for prefix in prefixes if name.startswith(prefix)), key=len, default=None)
    if prefix is None:
        raise InputError(f'{name}: not a tensor that both the original GLoT and ours have')
    return prefixes[prefix] + name[len(prefix) :]


def convert_file(source: str | Path, target: str | Path) -> str:
    """Convert an original checkpoint file to ours, or ours to an original one, and return a summary.

    The state dict must be complete, with the shapes of a GLoT model (of any window and nearby length).

    Raises:
        InputError: The source is missing or damaged, or has unknown, missing or wrong-shaped tensors (all are listed,
            by the source's names); or the target is the source, or cannot be written. Then nothing is written.
    """
    source, target = Path(source), Path(target)
    if source.resolve() == target.resolve():
        raise InputError(f'{target}: would overwrite the checkpoint that is being converted; name another file')
    with torch.serialization.safe_globals(_numpy_numbers()):  # for example the original's `performance`
        checkpoint = read_tensors(source)
    keys = list(checkpoint) if isinstance(checkpoint, dict) else [type(checkpoint).__name__]
    if ORIGINAL_KEY in keys:
        converted, summary = _file_from_original(checkpoint, source)
    elif 'state_dict' in keys:
        converted, summary = _file_to_original(checkpoint, source)
    else:
        raise InputError(
            f"{source}: neither an original GLoT checkpoint ('{ORIGINAL_KEY}') nor one of ours ('state_dict'); "
            f'found {", ".join(map(str, keys))[:400]}'
        )
    buffer = io.BytesIO()  # on a full disk, torch's own error would not give the reason
    torch.save(converted, buffer)
    write_bytes(target, buffer.getbuffer())
    return f'{target}: {summary}'


def _file_from_original(checkpoint: dict[str, Any], source: Path) -> tuple[dict[str, Any], str]:
    given = tensors_of(checkpoint, ORIGINAL_KEY, source)
    state = {name: tensor for name, tensor in given.items() if not _BODY_MODEL.match(name)}
    whole = f'{source}: not the weights of a complete original GLoT'
    embeddings = ('global_modeling.trans.pos_embed', 'local_trans_en.pos_embed')
    check_state(state, to_original(_model_of(state, embeddings, whole).state_dict()), whole)
    check_finite(state, source)
    state, unused, dropped = from_original(given)
    meta = {'converted_from': source.name}
    for key in ('epoch', 'performance'):
        if _is_number(checkpoint.get(key)):
            meta[key] = float(checkpoint[key])
    lines = [
        f'{len(state)} tensors of ours from {len(given)} of the original.',
        f'Kept beside the model, as the forward pass never reads them: {", ".join(sorted(unused))}.',
    ]
    if dropped:
        lines.append(f'Dropped, as they belong to the body-model files: {", ".join(sorted(dropped))}.')
    return {'state_dict': state, 'original_only': unused, 'meta': meta}, '\n'.join(lines)


def _file_to_original(checkpoint: dict[str, Any], source: Path) -> tuple[dict[str, Any], str]:
    state = tensors_of(checkpoint, 'state_dict', source)
    whole = f'{source}: not the weights of a complete GLoT'
    embeddings = (f'{_TRANSFORMER}.position.embedding', f'{_LOCAL}.position.embedding')
    check_state(state, _model_of(state, embeddings, whole).state_dict(), whole)
    unused = None
    if checkpoint.get('original_only'):
        unused = tensors_of(checkpoint, 'original_only', source)
        check_state(unused, _unused_zeros(), f"{source}: 'original_only' is not what an original checkpoint has")
    check_finite({**state, **(unused or {})}, source)
    original = to_original(state, unused)
    meta = meta_of(checkpoint, source)
    kept = 'as they were in the original' if unused else 'zeros'
    summary = (
        f"{len(original)} tensors of an original checkpoint, without the body model's. Those that its forward pass "
        f'never reads are {kept}: {", ".join(UNUSED_SHAPES)}.'
    )
    return {
        'epoch': int(meta.get('epoch') or 0),
        ORIGINAL_KEY: original,
        'performance': meta['performance'] if _is_number(meta.get('performance')) else None,
    }, summary


def _model_of(state: dict[str, Tensor], embeddings: Sequence[str], problem: str) -> nn.Module:
    """A model with the state dict's window and nearby length, to check its names and shapes against."""
    for key in embeddings:
        if key not in state or state[key].ndim != 3:
            raise InputError(f'{problem}: no position embedding {key} of (1, frames, channels)')
    frames, nearby_and_mid = (state[key].shape[1] for key in embeddings)
    if not 3 <= nearby_and_mid <= frames <= MAX_FRAMES:
        raise InputError(f'{problem}: position embeddings of {frames} and {nearby_and_mid} frames')
    local_branch = {'nearby': (nearby_and_mid - 1) // 2}
    return nn.ModuleDict({'head': GLoTHead(num_frames=frames, local_branch=local_branch)})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and abs(value) < 2**53


def _numpy_numbers() -> list:
    return [np.float64(0).__reduce__()[0], np.dtype, type(np.dtype(np.float64)), type(np.dtype(np.float32))]
