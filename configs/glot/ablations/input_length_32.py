"""Windows of 32 frames (the paper: 16)."""

_base_ = ['../glot_3dpw.py']

model = dict(head=dict(num_frames=32))
train_dataloader = dict(dataset=dict(num_frames=32, stride=32))
