"""VIBE as an mmhuman3d config: mmhuman3d's estimator, GRU, head, losses and runner, on `glot.HumanVideoDataset`.

`data/synthetic` is the embedded data set (track stores). To use a HumanData file with features instead, write
`ann_file='vibe_pw3d_test.npz', data_prefix='data'`. VIBE's motion discriminator, which needs AMASS, is left out, as are
SPIN's weights: `head=dict(init_cfg=dict(type='Pretrained', checkpoint='data/pretrained/spin.pth'))` adds them.
"""

custom_imports = dict(imports=['glot_plugin.framework'])

use_adversarial_train = True  # in mmhuman3d: the model, not a hook, steps the optimizers
optimizer = dict(neck=dict(type='Adam', lr=2.5e-4), head=dict(type='Adam', lr=2.5e-4))
optimizer_config = dict(grad_clip=None)
lr_config = dict(policy='step', gamma=0.2, step=[5, 10, 15])
runner = dict(type='EpochBasedRunner', max_epochs=20)
checkpoint_config = dict(interval=1, max_keep_ckpts=3)
evaluation = dict(interval=1, metric=['pa-mpjpe', 'mpjpe', 'pve'], save_best='PA-MPJPE')
log_config = dict(interval=50, hooks=[dict(type='TextLoggerHook')])
log_level = 'INFO'
dist_params = dict(backend='nccl')
load_from = None
resume_from = None
workflow = [('train', 1)]

body_models = 'data/body_models'
joints49 = dict(
    type='SMPL',
    model_path=body_models,
    gender='neutral',
    keypoint_src='smpl_54',
    keypoint_dst='smpl_49',
    keypoint_approximate=True,
    extra_joints_regressor=f'{body_models}/J_regressor_extra.npy',
)
joints17 = dict(
    type='SMPL',
    model_path=body_models,
    gender='neutral',
    keypoint_src='h36m',
    keypoint_dst='h36m',
    joints_regressor=f'{body_models}/J_regressor_h36m.npy',
)

model = dict(
    type='VideoBodyModelEstimator',
    neck=dict(type='TemporalGRUEncoder', input_size=2048, num_layers=2, hidden_size=1024),
    head=dict(type='HMRHead', feat_dim=2048, smpl_mean_params=f'{body_models}/smpl_mean_params.npz'),
    body_model_train=joints49,
    body_model_test=joints17,
    convention='smpl_49',
    loss_keypoints3d=dict(type='SmoothL1Loss', loss_weight=100),
    loss_keypoints2d=dict(type='SmoothL1Loss', loss_weight=10),
    loss_vertex=dict(type='L1Loss', loss_weight=2),
    loss_smpl_pose=dict(type='MSELoss', loss_weight=3),
    loss_smpl_betas=dict(type='MSELoss', loss_weight=0.02),
)

train_keys = [
    'features',
    'has_smpl',
    'smpl_body_pose',
    'smpl_global_orient',
    'smpl_betas',
    'keypoints2d',
    'keypoints3d',
    'sample_idx',
]
train_pipeline = [dict(type='ToTensor', keys=train_keys), dict(type='Collect', keys=train_keys, meta_keys=[])]
evaluated = dict(
    type='glot.HumanVideoDataset',
    dataset_name='pw3d',
    seq_len=16,
    # The embedded data set has no genders; for 3DPW use type='GenderedSMPL', without gender.
    body_model=joints17,
)
data = dict(
    samples_per_gpu=32,
    workers_per_gpu=2,
    train=dict(
        type='glot.HumanVideoDataset',
        ann_file='data/synthetic/train',
        dataset_name='synthetic',
        seq_len=16,
        convention='smpl_49',
        pipeline=train_pipeline,
    ),
    val=dict(ann_file='data/synthetic/val', **evaluated),
    test=dict(ann_file='data/synthetic/test', **evaluated),
)
