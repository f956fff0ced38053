"""GLoT in mmhuman3d: its losses, test protocol and schedule, under mmhuman3d's runner and `evaluate`."""

_base_ = ['vibe.py']

# The runner's hook steps the one optimizer, so optimizer_config=dict(grad_clip=…) would work here.
use_adversarial_train = False
optimizer = dict(_delete_=True, type='Adam', lr=1e-4)
lr_config = dict(
    _delete_=True,
    policy='CosineAnnealing',
    min_lr=1e-5,
    warmup='linear',
    warmup_iters=5,
    warmup_ratio=0.1,
    warmup_by_epoch=True,
)
runner = dict(max_epochs=50)

model = dict(
    _delete_=True,
    type='glot.GLoTVideoEstimator',
    head=dict(type='GLoTHead', in_dim=2048, num_frames=16, local_branch=dict(nearby=4)),
    loss=dict(
        type='GLoTLoss',
        terms=dict(
            keypoints2d=dict(type='KeypointLoss2d', loss_weight=300.0),
            keypoints3d=dict(type='KeypointLoss3d', loss_weight=300.0),
            smpl_pose=dict(type='SmplPoseLoss', loss_weight=60.0),
            smpl_betas=dict(type='SmplBetasLoss', loss_weight=0.06),
            velocity2d=dict(type='VelocityLoss2d', loss_weight=10.0),
            velocity3d=dict(type='VelocityLoss3d', loss_weight=100.0),
        ),
    ),
    body_model=dict(type='SMPLBody', model_dir='data/body_models'),
)

# 0.6 of the windows have 2D targets only; 1000 iterations of 64 windows an epoch.
windows = dict(type='glot.HumanVideoDataset', ann_file='data/synthetic/train', seq_len=16)
data = dict(
    samples_per_gpu=64,
    train=dict(
        _delete_=True,
        type='MixedDataset',
        configs=[dict(pool='2d', **windows), dict(pool='3d', **windows)],
        partition=[0.6, 0.4],
        num_data=64_000,
    ),
    # Clips of 64 frames with their context: each frame is predicted from its own window of 16.
    val=dict(seq_len=64, context=16),
    test=dict(seq_len=64, context=16),
)
