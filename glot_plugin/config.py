"""Reading configs, with errors that name the file and the key."""

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine import Config
from mmengine.registry import FUNCTIONS, OPTIMIZERS, Registry, init_default_scope
from mmengine.utils import import_modules_from_strings

from glot_plugin import registry
from glot_plugin.body_model.smpl_files import has_smpl_files
from glot_plugin.config_options import apply_options, did_you_mean
from glot_plugin.errors import InputError

# Keys of the folder of the body-model files, and of single files in it (mmhuman3d's parts name some one by one).
FOLDER_KEYS = ('model_dir', 'model_path', 'mean_params')
FILE_KEYS = ('smpl_mean_params', 'joints_regressor', 'extra_joints_regressor', 'init_from_spin')
FRAMEWORK_SCOPE = 'mmhuman3d.'
FRAMEWORK_PACKAGE = 'glot_plugin.framework'


def load_config(config: str | Path | Config, cfg_options: dict | None = None) -> Config:
    """Read a config file (or take a config), change keys, and make its scope the default.

    Raises:
        InputError: The file is absent or does not parse, what it imports does not import, or it names parts of
            mmhuman3d without importing `glot_plugin.framework`, or an option does not fit it.
    """
    if not isinstance(config, Config):
        path = Path(config)
        if not path.is_file():
            raise InputError(f'{path}: no such config')
        try:
            config = Config.fromfile(path)
        except ImportError as error:
            raise InputError(f'{path}: {_first_reason(error)}') from error
        except Exception as error:  # a config is Python: it can raise anything
            raise InputError(f'{path}: not a valid config ({type(error).__name__}: {error})') from error
    else:
        config = Config(config._cfg_dict.to_dict(), filename=config.filename)
        try:  # a file's are imported when it is read
            import_modules_from_strings(**config.get('custom_imports', {'imports': None}))
        except ImportError as error:
            raise InputError(f'{config.filename or "config"}: {_first_reason(error)}') from error
    if cfg_options:
        apply_options(config, cfg_options)
    _list_metrics(config)
    _check_framework(config)
    init_default_scope(config.get('default_scope', 'glot'))
    return config


def _first_reason(error: BaseException) -> str:
    """What an error about an import began with: mmengine reports the import that failed, not why."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return str(error)


def _list_metrics(cfg: Config) -> None:
    """Put a metric that is an evaluator by itself into a list.

    mmengine takes a dict with the key `metrics`, an argument of our metrics, for an evaluator of its own.
    """
    for key in ('val_evaluator', 'test_evaluator'):
        evaluator = cfg.get(key)
        if isinstance(evaluator, dict) and 'metrics' in evaluator and registry.METRICS.get(str(evaluator.get('type'))):
            cfg[key] = [evaluator]


def _check_framework(cfg: Config) -> None:
    if FRAMEWORK_PACKAGE in sys.modules:
        return
    for node in config_nodes(cfg._cfg_dict):
        kind = node.get('type')
        if isinstance(kind, str) and kind.startswith(FRAMEWORK_SCOPE):
            raise InputError(
                f'{cfg.filename or "config"}: type={kind!r} is a part of mmhuman3d, which is not loaded; add the line\n'
                f"    custom_imports = dict(imports=['{FRAMEWORK_PACKAGE}'])"
            )


def set_body_model_dir(cfg: Config, folder: str | Path) -> None:
    """Let every key of a config that names the body-model files, or their folder, name those in `folder`.

    The keys are `FOLDER_KEYS` and `FILE_KEYS`; a key that is None stays so. A `model_path` that ends in a name which
    `folder` has too, as `smpl` in mmhuman3d's layout, keeps it.
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
    """Whether the files that a body model's config names are there: all of an `SMPLBody`'s, the folder of another's."""
    folder = body_model_folder(body_model)
    if str(body_model.get('type')).removeprefix('glot.') != 'SMPLBody':
        return folder.exists()
    return has_smpl_files(folder, body_model.get('gender', 'neutral'))


def check_framework_files(cfg: Config) -> None:
    """Check that the body-model files exist which parts of mmhuman3d name; ours check theirs when they are built.

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


def config_nodes(node: Any) -> Iterator[dict]:
    """Every dict in a config or a part of it, the outer ones first."""
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from config_nodes(child)
    elif isinstance(node, list | tuple):
        for child in node:
            yield from config_nodes(child)


@contextlib.contextmanager
def config_errors(name: str) -> Iterator[None]:
    """Turn the registries' errors about unknown types and arguments into `InputError`s that name the config."""
    try:
        yield
    except KeyError as error:
        match = re.search(r'(\S+) is not in the (\S+?)::(.+?) registry', str(error))
        if match is None:
            raise
        unknown, kind = match[1].strip('\'"`'), match[3]
        raise InputError(f'{name}: unknown {kind} type {unknown!r}{_suggestion(unknown, kind)}') from error
    except TypeError as error:
        if 'unexpected keyword argument' not in str(error) and 'required positional argument' not in str(error):
            raise
        raise InputError(f'{name}: {error}') from error


def check_called_types(cfg: Config) -> None:
    """Check the types that mmengine looks up and calls without a look at whether they are registered.

    Raises:
        InputError: One is not; names the config.
    """
    with OPTIMIZERS.switch_scope_and_registry(None) as optimizers:
        for key, parts in {'optimizer': optimizers, 'collate_fn': FUNCTIONS}.items():
            for node in config_nodes(cfg._cfg_dict):
                kind = node[key].get('type') if isinstance(node.get(key), dict) else None
                if isinstance(kind, str) and parts.get(kind) is None:
                    raise InputError(
                        f'{cfg.filename or "config"}: unknown {parts.name} type {kind!r}{_suggestion(kind, parts.name)}'
                    )


def _suggestion(unknown: str, kind: str) -> str:
    """The part of the registry `kind` that was meant, or where they are listed."""
    registries = [item for item in vars(registry).values() if isinstance(item, Registry) and item.scope == 'glot']
    ours = next((item for item in registries if item.name == kind), None)
    if ours is None:
        return ''
    known = {*ours.module_dict, *ours.root.module_dict}
    for scope, other in ours.root.children.items():
        known |= {f'{scope}.{name}' for name in other.module_dict}
    listed = 'docs/parts.md lists ours' if ours.module_dict else f'expected one of {", ".join(sorted(known))}'
    return did_you_mean(unknown, known) or f'; {listed}'
