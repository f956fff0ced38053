"""SMPL's model files as plain `.npz`: no pickle, no chumpy."""

import io
from pathlib import Path

import numpy as np

from glot_plugin.body_model import load_smpl
from glot_plugin.errors import InputError
from glot_plugin.io.files import write_bytes


def convert_body_model(source: str | Path, out: str | Path) -> list[Path]:
    """Write one SMPL model file, or every `SMPL_*.pkl` in a folder, as `.npz` that `load_smpl` and smplx can read.

    Args:
        source: A model file, or a folder of them.
        out: The file to write; for a folder, the folder to write to.

    Returns:
        The files written.

    Raises:
        InputError: `source` is missing, is not SMPL or holds anything but arrays, or `out` cannot be written.
    """
    source, out = Path(source), Path(out)
    if not source.is_dir():
        return [_convert_file(source, out)]
    models = sorted(source.glob('SMPL_*.pkl'))
    if not models:
        raise InputError(f'{source}: no SMPL_*.pkl in this folder; expected SMPL_NEUTRAL.pkl and the like')
    return [_convert_file(model, out / f'{model.stem}.npz') for model in models]


def _convert_file(source: Path, out: Path) -> Path:
    if out.suffix != '.npz':
        raise InputError(f'{out}: a plain body model ends in .npz')
    model = load_smpl(source)
    kintree = np.stack([model.parents, np.arange(len(model.parents))])
    kintree[0, 0] = 2**32 - 1  # as in SMPL's files
    arrays = {
        'v_template': model.v_template,
        'shapedirs': model.shapedirs,
        'posedirs': model.posedirs,
        'J_regressor': model.joint_regressor,
        'weights': model.weights,
        'kintree_table': kintree,
        'f': model.faces.astype(np.uint32),
    }
    buffer = io.BytesIO()  # on a full disk, numpy would leave the archive open on a file that is closed
    np.savez(buffer, **arrays)
    write_bytes(out, buffer.getbuffer())
    return out
