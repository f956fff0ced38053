"""Changing keys of a config (`--cfg-options`, `cfg_options`), with errors that name the option."""

import difflib
import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmengine import Config
from mmengine.config import ConfigDict
from mmengine.runner import Runner

from glot_plugin.errors import InputError

# Optional keys of a config: arguments of mmengine's Runner, other keys that it looks up, and our own.
OPTIONAL_KEYS = {
    *inspect.signature(Runner).parameters,
    *('activation_checkpointing', 'compile', 'efficient_conv_bn_eval', 'find_unused_parameters', 'model_wrapper_cfg'),
    *('cuda_graph', 'custom_imports', 'runner_type', 'sync_bn'),
    *('test_sets', 'mmhuman3d_evaluator'),
}


def apply_options(cfg: Config, options: dict[str, Any]) -> None:
    """Change keys of a config. Changing `data_root` also changes the paths of the stores below it.

    Raises:
        InputError: The config has no such top-level key and nothing would read it, the key does not fit the config, or
            it leaves out a store that the config does not have.
    """
    where = cfg.filename or 'config'
    for key, value in options.items():
        _check_option(where, cfg, key, value)
    if 'data_root' in options:
        _move_stores(cfg._cfg_dict, Path(cfg.data_root), Path(str(options['data_root'])))
    try:
        cfg.merge_from_dict(options)
    except (TypeError, KeyError, AssertionError) as error:
        raise InputError(f'{where}: options {", ".join(options)} do not fit: {error}') from error


def _check_option(where: str, cfg: Config, key: str, value: Any) -> None:
    top, *parts = key.split('.')
    if top not in cfg and top not in OPTIONAL_KEYS:
        raise InputError(f'{where}: option {key}: no {top!r} in this config{did_you_mean(top, {*cfg, *OPTIONAL_KEYS})}')
    node, path = cfg.get(top), top
    for part in parts:
        if isinstance(node, list | tuple) and not (part.isdigit() and int(part) < len(node)):
            raise InputError(
                f'{where}: option {key}: {path} is a list of {len(node)}, expected a number from 0 for {part!r}'
            )
        if value is None and path.endswith('.stores') and isinstance(node, dict) and part not in node:
            raise InputError(
                f'{where}: option {key}: no store {part!r} to leave out{did_you_mean(part, node)}; '
                f'found {", ".join(node)}'
            )
        node = node[int(part)] if isinstance(node, list | tuple) else node.get(part) if isinstance(node, dict) else None
        path = f'{path}.{part}'


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of an error message about an unknown word: the closest known word, or nothing."""
    close = difflib.get_close_matches(word, set(known) - {word}, n=1)
    return f'; did you mean {close[0]!r}?' if close else ''


def _move_stores(node: Any, old: Path, new: Path) -> None:
    """Move the paths below `old` in every `stores` of a config to `new`."""
    for key, child in node.items() if isinstance(node, dict) else enumerate(node):
        if key == 'stores':
            node[key] = _moved(child, old, new)
        elif isinstance(child, dict | list | tuple):
            _move_stores(child, old, new)


def _moved(stores: Any, old: Path, new: Path) -> Any:
    if isinstance(stores, dict):
        return ConfigDict({key: _moved(child, old, new) for key, child in stores.items()})
    if isinstance(stores, list | tuple):
        return [_moved(child, old, new) for child in stores]
    if isinstance(stores, str) and Path(stores).is_relative_to(old):
        return str(new / Path(stores).relative_to(old))
    return stores
