"""25 % of the frames masked: 4 of 16 (the paper: 50 %)."""

_base_ = ['../glot_3dpw.py']

model = dict(head=dict(global_branch=dict(transformer=dict(mask_ratio=0.25))))
