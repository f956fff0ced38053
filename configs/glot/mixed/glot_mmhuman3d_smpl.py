"""GLoT with mmhuman3d's SMPL as its body model, in training and in the metric; scores equal glot_synthetic's.

mmhuman3d's SMPL builds the mesh for every joint, so it is slower than our `SMPLBody`.
"""

_base_ = ['../glot_synthetic.py']
custom_imports = dict(imports=['glot_plugin.framework'])

body_models = 'data/body_models'
model = dict(
    mean_params=body_models,
    body_model=dict(
        _delete_=True,
        type='mmhuman3d.SMPL',
        model_path=body_models,
        keypoint_src='smpl_54',
        keypoint_dst='smpl_54',
        extra_joints_regressor=f'{body_models}/J_regressor_extra.npy',
    ),
)
val_evaluator = dict(
    body_model=dict(
        _delete_=True,
        type='mmhuman3d.SMPL',
        model_path=body_models,
        keypoint_src='h36m',
        keypoint_dst='h36m',
        joints_regressor=f'{body_models}/J_regressor_h36m.npy',
    ),
)
test_evaluator = val_evaluator
