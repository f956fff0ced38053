"""Errors about the types of parts that a config names."""

import contextlib
import inspect
import re
from collections.abc import Iterator

from mmengine import Config
from mmengine.registry import FUNCTIONS, OPTIMIZERS, Registry

from glot_plugin import registry
from glot_plugin.config.nodes import config_nodes, named_nodes
from glot_plugin.config.options import did_you_mean
from glot_plugin.errors import InputError


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
    """Check types that mmengine looks up and calls without checking that they are registered.

    Raises:
        InputError: A type is not registered; the message names the config.
    """
    with OPTIMIZERS.switch_scope_and_registry(None) as optimizers:
        for key, parts in {'optimizer': optimizers, 'collate_fn': FUNCTIONS}.items():
            for node in config_nodes(cfg._cfg_dict):
                kind = node[key].get('type') if isinstance(node.get(key), dict) else None
                if isinstance(kind, str) and parts.get(kind) is None:
                    raise InputError(
                        f'{cfg.filename or "config"}: unknown {parts.name} type {kind!r}{_suggestion(kind, parts.name)}'
                    )


def check_arguments(cfg: Config) -> None:
    """Check that parts with a `type` have the arguments that a config gives them.

    Only parts of this package and of mmengine whose classes are called with just these arguments.

    Raises:
        InputError: A part has no such argument; the message names the config, the part and its key.
    """
    ours = cfg.get('default_scope', 'glot') == 'glot'  # otherwise names without a scope are of another package
    for key, node in named_nodes(cfg._cfg_dict):
        part = _checkable(node.get('type')) if ours else None
        parameters = {} if part is None else inspect.signature(part).parameters
        if not parameters or any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            continue
        for name in node:
            if name not in parameters and name not in ('type', '_scope_'):
                raise InputError(
                    f'{cfg.filename or "config"}: {key}: {part.__name__} has no argument {name!r}'
                    f'{did_you_mean(name, parameters) or "; it has " + ", ".join(parameters)}'
                )


def _checkable(kind: object) -> type | None:
    """The class of a type whose arguments can be checked, or None."""
    if not isinstance(kind, str):
        return None
    name = kind.removeprefix('glot.')
    for parts in (registry.MODELS, registry.DATASETS, registry.TRANSFORMS, registry.METRICS, registry.LOOPS):
        part = None if '.' in name else parts.get(name)
        if inspect.isclass(part):
            package = part.__module__.partition('.')[0]
            return part if package in ('glot_plugin', 'mmengine') and '.framework.' not in part.__module__ else None
    return None


def _suggestion(unknown: str, kind: str) -> str:
    """The part of the registry `kind` that was probably meant, or where its parts are listed."""
    registries = [item for item in vars(registry).values() if isinstance(item, Registry) and item.scope == 'glot']
    parts = next((item for item in registries if item.name == kind), None)
    if parts is None:
        return ''
    known = {*parts.module_dict, *parts.root.module_dict}
    for scope, other in parts.root.children.items():
        known |= {f'{scope}.{name}' for name in other.module_dict}
    listed = "docs/parts.md lists GLoT's" if parts.module_dict else f'expected one of {", ".join(sorted(known))}'
    return did_you_mean(unknown, known) or f'; {listed}'
