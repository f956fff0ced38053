"""Generated people as a simulated landmark detector sees them (tools/make_synthetic.py --landmarks)."""

_base_ = ['data_synthetic.py']

data_root = 'data/landmarks'

train_dataloader = dict(
    dataset=dict(
        stores=[f'{data_root}/train'],
        pipeline=[dict(type='SimulateLandmarks'), dict(type='NormalizeKeypoints2d'), dict(type='Pack')],
    ),
    batch_sampler=dict(share_2d=0.0),
)
val_dataloader = dict(dataset=dict(stores=[f'{data_root}/val']))
test_dataloader = dict(dataset=dict(stores=[f'{data_root}/test']))
