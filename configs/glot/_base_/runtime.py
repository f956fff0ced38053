"""Settings that all runs share: hooks, logs, checkpoints."""

default_scope = 'glot'
runner_type = 'GLoTRunner'

default_hooks = dict(
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    # Two complete checkpoints stay while a third is written, so that a killed run can always be resumed.
    checkpoint=dict(
        type='CheckpointHook', by_epoch=False, interval=1000, max_keep_ckpts=3, save_best='PA-MPJPE', rule='less'
    ),
)
custom_hooks = [
    dict(type='SeedEachIterationHook'),
    dict(type='FiniteLossHook'),
    dict(type='PlainCheckpointHook'),
]
log_processor = dict(type='LogProcessor', by_epoch=False, window_size=50)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
env_cfg = dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0), dist_cfg=dict(backend='nccl'))
randomness = dict(seed=None, deterministic=False)
log_level = 'INFO'
# compile=True (or options of torch.compile) and cuda_graph=True make steps faster: docs/speed.md.
load_from = None
resume = False

val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
