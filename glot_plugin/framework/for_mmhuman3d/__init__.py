"""GLoT's modules for mmhuman3d's configs: `type='glot.HSCRHead'` wherever mmhuman3d builds a module.

| file | what it registers |
|---|---|
| `heads.py` | `HSCRHead`, `GLoTHead` |
| `necks.py` | `GlobalTransformer`, `MPSEMasking`, `NearbyFrames` |
| `losses.py` | `VelocityLoss2d`, `VelocityLoss3d` |
| `velocity_estimator.py` | `VideoBodyModelEstimator`: mmhuman3d's, with velocity losses |
| `glot_estimator.py` | `GLoTVideoEstimator`: GLoT with its own losses and test protocol |
| `video_dataset.py` | `HumanVideoDataset`: windows from track stores or HumanData, at full speed |
| `pipelines.py` | `NearbyFrames`, for samples of that data set |

Each file is imported right after the registry of mmhuman3d that it adds to, so that mmhuman3d itself is imported only
when it is used.
"""

from importlib import import_module

from glot_plugin.framework.compat.import_hook import patch_when_imported

# Module of mmhuman3d → the files here that add to its registry.
PARTS = {
    'mmhuman3d.models.heads.builder': ('heads',),
    'mmhuman3d.models.necks.builder': ('necks',),
    'mmhuman3d.models.losses.builder': ('losses',),
    'mmhuman3d.models.architectures.builder': ('velocity_estimator', 'glot_estimator'),
    'mmhuman3d.data.datasets': ('pipelines', 'video_dataset'),
}


def enable() -> None:
    """Register GLoT's modules with mmhuman3d, now or as it is imported; a second call changes nothing."""
    for module, files in PARTS.items():
        patch_when_imported(module, lambda _, files=files: _import(files))


def _import(files: tuple[str, ...]) -> None:
    for file in files:
        import_module(f'{__name__}.{file}')
