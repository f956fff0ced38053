"""Errors about the types of parts that a config names."""

import contextlib
import re
from collections.abc import Iterator

from mmengine import Config
from mmengine.registry import FUNCTIONS, OPTIMIZERS, Registry

from glot_plugin import registry
from glot_plugin.config.nodes import config_nodes
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
