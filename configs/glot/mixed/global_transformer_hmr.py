"""GLoT's global transformer, with MPSE masking, as a neck before mmhuman3d's HMR head, trained with GLoT's losses."""

_base_ = ['../glot_synthetic.py']
custom_imports = dict(imports=['glot_plugin.framework'])

model = dict(
    head=dict(
        _delete_=True,
        type='NeckHead',
        neck=dict(type='GlobalTransformer', in_dim=2048, num_frames=16, mask_ratio=0.5),
        head=dict(type='mmhuman3d.HMRHead', feat_dim=2048),
        in_dim=2048,
        num_frames=16,
    ),
)
