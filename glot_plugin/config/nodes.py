"""The dicts in a config."""

from collections.abc import Iterator
from typing import Any


def config_nodes(node: Any) -> Iterator[dict]:
    """Every dict in a config or a part of it, the outer ones first."""
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from config_nodes(child)
    elif isinstance(node, list | tuple):
        for child in node:
            yield from config_nodes(child)
