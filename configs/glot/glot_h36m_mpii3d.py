"""Table 1, Human3.6M and MPI-INF-3DHP: features without occlusions, SMPL loss on Human3.6M (NeuralAnnot's fits);
75 epochs of 1000 iterations."""

_base_ = ['_base_/glot.py', '_base_/data_paper_h36m_mpii3d.py', '_base_/schedule.py', '_base_/runtime.py']

model = dict(
    init_from_spin='data/body_models/spin_model_checkpoint.pth.tar',
    loss=dict(terms=dict(keypoints2d=dict(loss_weight=100.0), keypoints3d=dict(loss_weight=150.0))),
)
train_dataloader = dict(
    dataset=dict(
        stores=dict(
            pw3d=f'{_base_.data_root}/3dpw-train',
            mpii3d=f'{_base_.data_root}/mpii3d-train',
            h36m=f'{_base_.data_root}/h36m-train',
        )
    )
)
train_cfg = dict(max_iters=75_000)
optim_wrapper = dict(optimizer=dict(weight_decay=1e-5))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=8_000),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=8_000, end=75_000),
]
