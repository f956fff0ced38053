"""GLoT on body landmarks instead of image features (docs/landmarks.md); `make demo` trains it."""

_base_ = ['_base_/glot.py', '_base_/data_landmarks.py', '_base_/schedule.py', '_base_/runtime.py']

ITERATIONS = 2500

# Layers are narrower for 126 numbers per frame than for a picture's 2048, and generated data does not need dropout.
model = dict(
    head=dict(
        in_dim=126,
        global_branch=dict(
            start=dict(type='LandmarkPose'),
            transformer=dict(
                embedding=dict(type='LandmarkEmbedding'),
                embed_dim=256,
                decoder_dim=128,
                mask_ratio=0.0,
                dropout=0.0,
                drop_path=0.0,
            ),
            regressor=dict(hidden_dim=512, dropout=0.0),
        ),
        local_branch=dict(
            embedding=dict(type='LandmarkEmbedding'),
            dim=128,
            dropout=0.0,
            drop_path=0.0,
            regressor=dict(hidden_dim=512, dropout=0.0, own_rotation='joint'),
        ),
    ),
    # Bones have lengths in landmarks: shape can be seen.
    loss=dict(terms=dict(smpl_betas=dict(loss_weight=0.6))),
)
train_dataloader = dict(batch_size=16)
train_cfg = dict(max_iters=ITERATIONS, val_interval=1000)
optim_wrapper = dict(optimizer=dict(lr=5e-4), clip_grad=dict(max_norm=10))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=100, end=ITERATIONS),
]
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=1000))
log_processor = dict(window_size=50)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='CPUThreadsHook', num_threads=1),
]
