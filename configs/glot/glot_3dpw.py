"""Table 1, 3DPW: occlusion-augmented features, no SMPL loss on Human3.6M; 50 epochs of 1000 iterations."""

_base_ = ['_base_/glot.py', '_base_/data_paper_3dpw.py', '_base_/schedule.py', '_base_/runtime.py']

# Loss weights and schedule are those of the bases.
model = dict(init_from_spin='data/body_models/spin_model_checkpoint.pth.tar')
train_dataloader = dict(
    dataset=dict(
        stores=dict(
            pw3d=f'{_base_.data_root}/3dpw-train-occluded',
            mpii3d=f'{_base_.data_root}/mpii3d-train-occluded',
            h36m=dict(path=f'{_base_.data_root}/h36m-train-occluded', use_smpl=False),
        )
    )
)
