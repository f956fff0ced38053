"""Configs: reading and checking them, options that change them, and the body-model files they refer to."""

from glot_plugin.config.body_model_files import (
    FILE_KEYS,
    FOLDER_KEYS,
    FRAMEWORK_SCOPE,
    body_model_folder,
    check_framework_files,
    has_body_model_files,
    set_body_model_dir,
)
from glot_plugin.config.loading import load_config
from glot_plugin.config.nodes import config_nodes
from glot_plugin.config.options import apply_options
from glot_plugin.config.part_types import check_arguments, check_called_types, config_errors
from glot_plugin.config.shipped import SHIPPED_CONFIGS, find_config

__all__ = [
    'FILE_KEYS',
    'FOLDER_KEYS',
    'FRAMEWORK_SCOPE',
    'SHIPPED_CONFIGS',
    'apply_options',
    'body_model_folder',
    'check_arguments',
    'check_called_types',
    'check_framework_files',
    'config_errors',
    'config_nodes',
    'find_config',
    'has_body_model_files',
    'load_config',
    'set_body_model_dir',
]
