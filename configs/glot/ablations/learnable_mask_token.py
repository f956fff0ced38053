"""A learnable mask token instead of the SMPL token."""

_base_ = ['../glot_3dpw.py']

model = dict(head=dict(global_branch=dict(transformer=dict(mask_token='learnable'))))
