"""GLoT on the embedded data set, with a schedule of a few minutes on two CPU cores."""

_base_ = ['_base_/glot.py', '_base_/data_synthetic.py', '_base_/schedule.py', '_base_/runtime.py']

train_dataloader = dict(batch_size=32)
train_cfg = dict(max_iters=400, val_interval=100)
# Trained from scratch, without SPIN's weights, in a few hundred steps: a higher rate than the paper's.
optim_wrapper = dict(optimizer=dict(lr=4e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', eta_min=2e-5, by_epoch=False, begin=30, end=400),
]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=100))
log_processor = dict(window_size=20)
