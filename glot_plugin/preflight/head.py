"""A config's model, built without its files, to check its settings and learn its shapes and number of parameters."""

from mmengine import Config
from torch import nn

import glot_plugin.models  # noqa: F401 - registers the parts
from glot_plugin.config import config_errors
from glot_plugin.preflight.stores import is_ours
from glot_plugin.registry import MODELS


def build_head(cfg: Config) -> nn.Module | None:
    """The model's head if it is a `GLoTHead`, otherwise None: building other heads may require files.

    Raises:
        InputError: The config's types or arguments are wrong.
    """
    model = cfg.get('model') or {}
    if not is_ours(model.get('head'), 'GLoTHead'):
        return None
    with config_errors(str(cfg.filename or 'config')):
        if is_ours(model, 'GLoTEstimator'):
            return MODELS.build({**model, 'body_model': None}).head
        return MODELS.build(model.head)
