"""Fixed (sinusoidal) position embeddings in both branches."""

_base_ = ['../glot_3dpw.py']

model = dict(
    head=dict(
        global_branch=dict(transformer=dict(position_embedding='fixed')),
        local_branch=dict(position_embedding='fixed'),
    )
)
