"""The embedded data set (tools/make_synthetic.py): made to run and test the system, not a benchmark."""

data_root = 'data/synthetic'

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    dataset=dict(
        type='WindowDataset',
        stores=[f'{data_root}/train'],
        num_frames=16,
        stride=16,
        pipeline=[dict(type='NormalizeKeypoints2d'), dict(type='Pack')],
        resident='auto',  # on a GPU, frames are kept there as far as they fit (docs/data.md)
    ),
    sampler=dict(type='DefaultSampler'),
    batch_sampler=dict(type='MixedBatchSampler', share_2d=0.6),
    collate_fn=dict(type='glot.as_fetched'),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    dataset=dict(type='TrackDataset', stores=[f'{data_root}/val']),
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    collate_fn=dict(type='glot.as_fetched'),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    dataset=dict(type='TrackDataset', stores=[f'{data_root}/test']),
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    collate_fn=dict(type='glot.as_fetched'),
)
val_evaluator = dict(type='BodyMetric', body_model=dict(type='SMPLBody', model_dir='data/body_models'))
test_evaluator = val_evaluator
# mmhuman3d's protocol expects genders, which the stores do not have.
mmhuman3d_evaluator = dict(gender='neutral')
