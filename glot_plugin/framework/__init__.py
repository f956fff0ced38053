"""Integration with mmhuman3d in both directions; the only package that imports mmhuman3d or mmcv.

Importing this package makes mmhuman3d 0.11 work on current Python, torch and numpy (`compat`), so import it before
mmhuman3d. mmhuman3d's own scripts import mmhuman3d first, so run them with `python -m glot_plugin.framework SCRIPT
ARGS…`, which works for any script that uses mmhuman3d.
"""

from glot_plugin.framework.compat import enable

enable()

from glot_plugin.framework import converters, for_mmhuman3d, from_mmhuman3d  # noqa: E402 - needs mmhuman3d

for_mmhuman3d.enable()
converters.enable()

__all__ = ['converters', 'for_mmhuman3d', 'from_mmhuman3d']
