"""VIBE as a baseline: mmhuman3d's GRU and HMR head on our data, runner and test protocol.

VIBE's losses have no velocity terms; its motion discriminator, which needs AMASS, is left out. As with GLoT,
each frame of a track is predicted from its own window; `model.head.predicted_frames='all'` predicts windows that do not
overlap, as VIBE's own repository does.
"""

_base_ = ['../glot_synthetic.py']
custom_imports = dict(imports=['glot_plugin.framework'])

model = dict(
    head=dict(
        _delete_=True,
        type='NeckHead',
        neck=dict(type='mmhuman3d.TemporalGRUEncoder', input_size=2048, num_layers=2, hidden_size=1024),
        head=dict(type='mmhuman3d.HMRHead', feat_dim=2048),
        in_dim=2048,
        num_frames=16,
    ),
    loss=dict(terms=dict(velocity2d=None, velocity3d=None)),
)
