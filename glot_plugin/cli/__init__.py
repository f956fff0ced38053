"""Code shared by the command-line tools."""

from glot_plugin.cli.arguments import ConfigOptions, add_config_arguments, check_device
from glot_plugin.cli.running import run

__all__ = ['ConfigOptions', 'add_config_arguments', 'check_device', 'run']
