"""Which framework a config is written for: mmengine or mmhuman3d (mmcv 1.x)."""

from pathlib import Path

from mmengine import Config

from glot_plugin.config.shipped import find_config
from glot_plugin.errors import InputError

MMENGINE, MMHUMAN3D = 'mmengine', 'mmhuman3d'
MMENGINE_KEYS = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'test_sets', 'train_cfg', 'test_cfg')
MMHUMAN3D_KEYS = ('data', 'runner', 'total_epochs', 'lr_config', 'checkpoint_config', 'use_adversarial_train')


def detect_framework(path: str | Path) -> str:
    """`mmengine` or `mmhuman3d`, judged by the config's keys; its `custom_imports` are not imported.

    Raises:
        InputError: The file is missing or does not parse, or it has the keys of neither framework, or of both.
    """
    path = find_config(path)
    try:
        keys = list(Config.fromfile(path, import_custom_modules=False).keys())
    except Exception as error:  # a config is Python: it can raise anything
        raise InputError(f'{path}: not a valid config ({type(error).__name__}: {error})') from error
    of_mmengine = [key for key in MMENGINE_KEYS if key in keys]
    of_mmhuman3d = [key for key in MMHUMAN3D_KEYS if key in keys]
    if bool(of_mmengine) != bool(of_mmhuman3d):
        return MMENGINE if of_mmengine else MMHUMAN3D
    found = f'{", ".join(of_mmengine)} and {", ".join(of_mmhuman3d)}' if of_mmengine else ', '.join(keys) or 'no keys'
    raise InputError(
        f'{path}: found {found}; expected the keys of one framework: of mmengine ({", ".join(MMENGINE_KEYS)}) or of '
        f'mmhuman3d ({", ".join(MMHUMAN3D_KEYS)})'
    )


def check_mmengine(cfg: Config) -> None:
    """Check that a config is not one of mmhuman3d's, whose models are built and run by mmhuman3d itself.

    Raises:
        InputError: It is; the message names its keys, and where it runs.
    """
    of_mmhuman3d = [key for key in MMHUMAN3D_KEYS if key in cfg]
    if of_mmhuman3d and not any(key in cfg for key in MMENGINE_KEYS):
        raise InputError(
            f'{cfg.filename}: a config of mmhuman3d ({", ".join(of_mmhuman3d)}), which only tools/train.py and '
            'tools/test.py run; expected one of mmengine, for example glot_plugin::glot/glot_3dpw.py'
        )
