"""The dicts in a config."""

from collections.abc import Iterator
from typing import Any


def config_nodes(node: Any) -> Iterator[dict]:
    """Every dict in a config or a part of it, the outer ones first."""
    return (child for _, child in named_nodes(node))


def named_nodes(node: Any, key: str = '') -> Iterator[tuple[str, dict]]:
    """The same with the key of each, as `--cfg-options` has it: `model.head`, `test_evaluator.0`."""
    if isinstance(node, dict):
        yield key, node
        children = node.items()
    else:
        children = enumerate(node) if isinstance(node, list | tuple) else ()
    for name, child in children:
        yield from named_nodes(child, f'{key}.{name}' if key else str(name))
