"""The paper's schedule: Adam, linear warm-up 1e-5 → 1e-4 over 5 of 50 epochs of 1000 iterations, cosine to 1e-5."""

train_cfg = dict(type='ResumableTrainLoop', max_iters=50_000, val_interval=1000)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, weight_decay=0.0, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=5_000),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=5_000, end=50_000),
]
