"""The trained part of a config's model, built to learn its shapes and number of parameters."""

from mmengine import Config
from torch import nn

import glot_plugin.models  # noqa: F401 - registers the parts
from glot_plugin.config import config_errors
from glot_plugin.preflight.stores import is_ours
from glot_plugin.registry import MODELS


def build_head(cfg: Config) -> nn.Module | None:
    """The head if it is a `GLoTHead`, otherwise None: building other heads may require files.

    Raises:
        InputError: The config's types or arguments are wrong.
    """
    head = (cfg.get('model') or {}).get('head')
    if not is_ours(head, 'GLoTHead'):
        return None
    with config_errors(str(cfg.filename or 'config')):
        return MODELS.build(head)
