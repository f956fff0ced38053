"""Table 2, 3DPW not trained on: occlusion-augmented features, SMPL loss on Human3.6M; 80 epochs of 500 iterations.

The model is still selected on 3DPW's validation set.
"""

_base_ = ['_base_/glot.py', '_base_/data_paper_3dpw.py', '_base_/schedule.py', '_base_/runtime.py']

model = dict(
    init_from_spin='data/body_models/spin_model_checkpoint.pth.tar',
    loss=dict(terms=dict(keypoints2d=dict(loss_weight=100.0), keypoints3d=dict(loss_weight=200.0))),
)
train_dataloader = dict(
    dataset=dict(
        stores=dict(
            mpii3d=f'{_base_.data_root}/mpii3d-train-occluded',
            h36m=f'{_base_.data_root}/h36m-train-occluded',
        )
    )
)
train_cfg = dict(max_iters=40_000, val_interval=500)
optim_wrapper = dict(optimizer=dict(weight_decay=1e-5))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=4_000),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=4_000, end=40_000),
]
default_hooks = dict(checkpoint=dict(interval=500))
