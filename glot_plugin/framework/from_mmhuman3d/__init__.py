"""mmhuman3d's modules in our configs: `type='mmhuman3d.HMRHead'` wherever a config of ours builds a module.

| file | what it does |
|---|---|
| `mirror_registry.py` | an mmengine registry that mirrors registries of mmcv |
| `registries.py` | the mirrors of mmhuman3d's registries |
| `body_models.py` | mmhuman3d's SMPL with the methods of our `SMPLBody` |
| `losses.py` | mmhuman3d's losses as terms of our `GLoTLoss` |
| `collate.py` | batches of mmhuman3d's video data set with the fields of ours |

The mirrors are made here and filled when a module is first requested, so that mmhuman3d itself is imported only then.
"""

from glot_plugin.framework.from_mmhuman3d import collate, registries

__all__ = ['collate', 'registries']
