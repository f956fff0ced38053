"""VIBE's GRU (mmhuman3d's) with HMR's iterative regressor.

VIBE's losses have no velocity terms; its motion discriminator, which needs AMASS, is left out.
"""

_base_ = ['single_frame.py']
custom_imports = dict(imports=['glot_plugin.framework'])

model = dict(
    head=dict(
        neck=dict(_delete_=True, type='mmhuman3d.TemporalGRUEncoder', input_size=256, num_layers=2, hidden_size=256)
    )
)
