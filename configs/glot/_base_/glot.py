"""The model of the paper, with the loss weights of Table 1 on 3DPW."""

model = dict(
    type='GLoTEstimator',
    head=dict(
        type='GLoTHead',
        in_dim=2048,
        num_frames=16,
        global_branch=dict(
            type='GlobalMotionModel',
            transformer=dict(
                type='GlobalTransformer',
                embed_dim=512,
                depth=2,
                num_heads=8,
                decoder_dim=256,
                decoder_depth=1,
                mask_ratio=0.5,
                mask_token='smpl',
                position_embedding='learnable',
                dropout=0.1,
                drop_path=0.2,
            ),
            regressor=dict(type='IterativeRegressor', hidden_dim=1024, num_iterations=3, dropout=0.5),
        ),
        local_branch=dict(
            type='LocalCorrection',
            nearby=4,
            dim=256,
            depth=3,
            num_heads=8,
            position_embedding='learnable',
            dropout=0.1,
            drop_path=0.2,
            regressor=dict(type='HSCR', hidden_dim=1024, dropout=0.25),
        ),
        detach_global=True,
    ),
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
    body_model=dict(type='SMPLBody', model_dir='data/body_models', gender='neutral'),
)
