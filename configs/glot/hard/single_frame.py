"""One frame at a time: HMR's iterative regressor on the frame's own feature.

As in HMR and VIBE, the loss has no velocity terms.
"""

_base_ = ['glot.py']

model = dict(
    head=dict(
        _delete_=True,
        type='NeckHead',
        neck=dict(type='torch.nn.Identity'),
        head=dict(type='IterativeRegressor', in_dim=256, hidden_dim=256),
        in_dim=256,
        num_frames=16,
    ),
    loss=dict(terms=dict(velocity2d=None, velocity3d=None)),
)
