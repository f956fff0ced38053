"""GLoT, a quarter as wide, on the hard variant of the embedded data set."""

_base_ = ['../_base_/glot.py', '../_base_/data_hard.py', '../_base_/schedule.py', '../_base_/runtime.py']

model = dict(
    head=dict(
        in_dim=256,
        global_branch=dict(transformer=dict(embed_dim=128, decoder_dim=64), regressor=dict(hidden_dim=256)),
        local_branch=dict(dim=64, regressor=dict(hidden_dim=256)),
    ),
)

train_dataloader = dict(batch_size=32)
train_cfg = dict(max_iters=2400, val_interval=240)
# Trained from scratch, without SPIN's weights: a higher rate than the paper's.
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=192),
    dict(type='CosineAnnealingLR', eta_min=2e-5, by_epoch=False, begin=192, end=2400),
]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=240))
log_processor = dict(window_size=20)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='CPUThreadsHook', num_threads=1),  # narrow layers gain nothing from more, and wait for the slowest
]
