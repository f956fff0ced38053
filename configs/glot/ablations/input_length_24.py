"""Windows of 24 frames (the paper: 16)."""

_base_ = ['../glot_3dpw.py']

model = dict(head=dict(num_frames=24))
train_dataloader = dict(dataset=dict(num_frames=24, stride=24))
