"""The body-model files that a config names."""

from pathlib import Path

from mmengine import Config

from glot_plugin.body_model.smpl_files import has_smpl_files
from glot_plugin.config.nodes import config_nodes
from glot_plugin.errors import InputError

# Config keys for the folder of the body-model files, and for single files in it (mmhuman3d's parts name some of them).
FOLDER_KEYS = ('model_dir', 'model_path', 'mean_params')
FILE_KEYS = ('smpl_mean_params', 'joints_regressor', 'extra_joints_regressor', 'init_from_spin')
FRAMEWORK_SCOPE = 'mmhuman3d.'


def set_body_model_dir(cfg: Config, folder: str | Path) -> None:
    """Point every key of a config that names body-model files, or their folder, to `folder`.

    The keys are `FOLDER_KEYS` and `FILE_KEYS`; a key that is None stays None. If the last part of a `model_path`, such
    as `smpl` in mmhuman3d's layout, also exists in `folder`, it is kept.
    """
    folder = Path(folder)
    for node in config_nodes(cfg._cfg_dict):
        for key in (key for key in (*FOLDER_KEYS, *FILE_KEYS) if node.get(key) is not None):
            inside = folder / Path(node[key]).name
            keeps_name = key in FILE_KEYS or (key == 'model_path' and inside.exists())
            node[key] = str(inside if keeps_name else folder)


def body_model_folder(body_model: dict) -> Path:
    """The folder (or file) that a body model's config names."""
    return Path(body_model.get('model_dir') or body_model.get('model_path') or 'data/body_models')


def has_body_model_files(body_model: dict) -> bool:
    """Whether a body model's files exist: all files of an `SMPLBody`, only the folder of any other body model."""
    folder = body_model_folder(body_model)
    if str(body_model.get('type')).removeprefix('glot.') != 'SMPLBody':
        return folder.exists()
    return has_smpl_files(folder, body_model.get('gender', 'neutral'))


def check_framework_files(cfg: Config) -> None:
    """Check that the body-model files named by mmhuman3d's parts exist; our own parts check theirs when they are built.

    Raises:
        InputError: One does not exist.
    """
    for node in config_nodes(cfg._cfg_dict):
        if not str(node.get('type', '')).startswith(FRAMEWORK_SCOPE):
            continue
        for key in ('model_path', *FILE_KEYS):
            if node.get(key) is not None and not Path(node[key]).exists():
                raise InputError(
                    f'{cfg.filename or "config"}: {key}={str(node[key])!r} of {node["type"]}: no such file or folder; '
                    'put the body-model files there, or name their folder (--body-models DIR, body_model_dir)'
                )
