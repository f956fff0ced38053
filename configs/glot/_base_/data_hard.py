"""The hard variant of the embedded data set (tools/make_synthetic.py --hard): motion resolves what one frame hides."""

_base_ = ['data_synthetic.py']

data_root = 'data/hard'

train_dataloader = dict(
    num_workers=0,  # features are narrow: a batch takes two milliseconds
    persistent_workers=False,
    dataset=dict(stores=[f'{data_root}/train'], stride=4),
    batch_sampler=dict(share_2d=0.0),
)
val_dataloader = dict(dataset=dict(stores=[f'{data_root}/val']))
test_dataloader = dict(dataset=dict(stores=[f'{data_root}/test']))
val_evaluator = [  # no PVE, which needs meshes; a list, since mmengine mistakes a dict with `metrics` for an evaluator
    dict(
        type='BodyMetric',
        body_model=dict(type='SMPLBody', model_dir='data/body_models'),
        metrics=['PA-MPJPE', 'MPJPE', 'ACCEL'],
    )
]
