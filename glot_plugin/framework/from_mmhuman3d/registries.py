"""The mirrors of mmhuman3d's registries: children of the same registries as ours.

mmhuman3d has one registry for each kind of module, mmengine one for all. No name occurs in two of mmhuman3d's.
mmengine has none for converters and post-processing; they are placed with data sets and with modules.
"""

from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS

from glot_plugin.framework.from_mmhuman3d.mirror_registry import MirrorRegistry

MODELS = MirrorRegistry(
    'model',
    MMENGINE_MODELS,
    sources=[
        'mmhuman3d.models.architectures.builder:ARCHITECTURES',
        'mmhuman3d.models.backbones.builder:BACKBONES',
        'mmhuman3d.models.necks.builder:NECKS',
        'mmhuman3d.models.heads.builder:HEADS',
        'mmhuman3d.models.losses.builder:LOSSES',
        'mmhuman3d.models.body_models.builder:BODY_MODELS',
        'mmhuman3d.models.discriminators.builder:DISCRIMINATORS',
        'mmhuman3d.models.registrants.builder:REGISTRANTS',
        'mmhuman3d.core.post_processing.builder:POST_PROCESSING',
    ],
    locations=['glot_plugin.framework.from_mmhuman3d.body_models', 'glot_plugin.framework.from_mmhuman3d.losses'],
)
DATASETS = MirrorRegistry(
    'dataset',
    MMENGINE_DATASETS,
    sources=['mmhuman3d.data.datasets.builder:DATASETS', 'mmhuman3d.data.data_converters.builder:DATA_CONVERTERS'],
)
TRANSFORMS = MirrorRegistry('transform', MMENGINE_TRANSFORMS, sources=['mmhuman3d.data.datasets.builder:PIPELINES'])
