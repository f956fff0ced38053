"""Reading configs, with errors that name the file and the key."""

import sys
from pathlib import Path

from mmengine import Config
from mmengine.registry import init_default_scope
from mmengine.utils import import_modules_from_strings

from glot_plugin import registry
from glot_plugin.config.body_model_files import FRAMEWORK_SCOPE
from glot_plugin.config.detect_framework import check_mmengine
from glot_plugin.config.nodes import config_nodes
from glot_plugin.config.options import apply_options
from glot_plugin.config.shipped import PACKAGE, find_config
from glot_plugin.errors import InputError

FRAMEWORK_PACKAGE = 'glot_plugin.framework'


def load_config(config: str | Path | Config, cfg_options: dict | None = None) -> Config:
    """Read a config file (or take a config), change keys, and make its scope the default scope.

    Args:
        config: A config, its file, or the name of one that comes with the package (`glot_plugin::glot/glot_3dpw.py`).
        cfg_options: Keys to change, see `apply_options`.

    Raises:
        InputError: The file is missing or does not parse, one of its imports fails, it is a config of mmhuman3d or uses
            its parts without importing `glot_plugin.framework`, or an option does not fit it.
    """
    if not isinstance(config, Config):
        path = find_config(config)
        try:
            config = Config.fromfile(path)
        except ImportError as error:
            raise InputError(f'{path}: {_first_reason(error)}') from error
        except Exception as error:  # a config is Python: it can raise anything
            raise InputError(f'{path}: not a valid config ({type(error).__name__}: {error})') from error
    else:
        config = Config(config._cfg_dict.to_dict(), filename=config.filename)
        try:  # Config.fromfile does this for files
            import_modules_from_strings(**config.get('custom_imports', {'imports': None}))
        except ImportError as error:
            raise InputError(f'{config.filename or "config"}: {_first_reason(error)}') from error
    check_mmengine(config)
    if cfg_options:
        apply_options(config, cfg_options)
    scope = config.get('default_scope', 'glot')
    if scope == 'glot':
        _drop_package_scope(config)
    _list_metrics(config)
    _check_framework(config)
    init_default_scope(scope)
    return config


def _first_reason(error: BaseException) -> str:
    """The root cause of an import error: mmengine reports which import failed, but not why."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return str(error)


def _drop_package_scope(cfg: Config) -> None:
    """Drop the scope that mmengine adds to parts inherited from a named config (`_base_ = 'glot_plugin::…'`).

    It is already the default scope, and mmengine would pass it to a `collate_fn` as an argument.
    """
    for node in config_nodes(cfg._cfg_dict):
        if node.get('_scope_') == PACKAGE:
            del node['_scope_']


def _list_metrics(cfg: Config) -> None:
    """Wrap an evaluator that is a single metric in a list.

    Our metrics have an argument `metrics`, and mmengine takes a dict with that key for an Evaluator config.
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
