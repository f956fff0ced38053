"""The paper's data, as `tools/convert_datasets.py` writes it (docs/paper.md). The paper's configs add 3D sets.

`--cfg-options data_root=DIR` reads all stores from another folder.

`stores` names the training sets; None leaves one out. One key, in a config or after
`--cfg-options`, replaces InstaVariety by another 2D set, or by none (batches are then all 3D):

    train_dataloader.dataset.stores.insta_variety=data/stores/penn-action
    train_dataloader.dataset.stores.insta_variety=None
"""

data_root = 'data/stores'

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    dataset=dict(
        type='WindowDataset',
        stores=dict(insta_variety=f'{data_root}/insta-variety'),
        num_frames=16,
        stride=16,  # windows do not overlap
        pipeline=[dict(type='NormalizeKeypoints2d'), dict(type='Pack')],
        resident='auto',  # on a GPU, frames are kept there as far as they fit (docs/data.md)
    ),
    sampler=dict(type='DefaultSampler'),
    # 38 clips of a batch from 2D sets, 26 from 3D sets (the sampler's default share, 0.6).
    batch_sampler=dict(type='MixedBatchSampler'),
    collate_fn=dict(type='glot.as_fetched'),
)
# Models are selected by PA-MPJPE on 3DPW's validation set (`save_best` in runtime.py); it needs no mesh.
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    dataset=dict(type='TrackDataset', stores=[f'{data_root}/3dpw-val'], drop_invalid=True),
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    collate_fn=dict(type='glot.as_fetched'),
)
val_evaluator = [  # a list, since mmengine mistakes a dict with the key `metrics` for an evaluator
    dict(
        type='BodyMetric',
        body_model=dict(type='SMPLBody', model_dir='data/body_models'),
        metrics=['PA-MPJPE', 'MPJPE', 'ACCEL'],
    )
]
