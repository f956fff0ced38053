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

`registration.py` imports each file right after the registry of mmhuman3d that it adds to, so that mmhuman3d itself is
imported only when it is used.
"""

from glot_plugin.framework.for_mmhuman3d.registration import enable

__all__ = ['enable']
