"""Names that numpy removed and mmhuman3d 0.11 still uses: `np.bool` (absent in 1.24 to 1.26) and `np.int` (from 1.24).

Each of the three modules gets a view of numpy with the one name put back; numpy itself is not changed, so no other
package sees aliases that it may test for.
"""

import warnings
from functools import partial
from types import ModuleType

import numpy as np

from glot_plugin.framework.compat.import_hook import ModuleView, Patch


def restore_numpy_alias(module: ModuleType, name: str, value: type) -> None:
    """Put `np.<name>` back in one module's namespace, where the installed numpy lacks it."""
    with warnings.catch_warnings():  # numpy 1.20 to 1.23 warn on mere access
        warnings.simplefilter('ignore')
        if hasattr(np, name):
            return
    module.np = ModuleView(np, **{name: value})


NUMPY_PATCHES: dict[str, Patch] = {
    # Image rotation uses `.astype(np.int)` on the size of the rotated image.
    'mmhuman3d.data.datasets.pipelines.transforms': partial(restore_numpy_alias, name='int', value=int),
    # Validity columns use `.astype(np.bool)`; for the 3DPW converter see `converter_patches`.
    'mmhuman3d.data.data_converters.expose_spin_smplx': partial(restore_numpy_alias, name='bool', value=bool),
}
