"""Nothing masked: the global branch is supervised on all frames (the paper: 50 %)."""

_base_ = ['../glot_3dpw.py']

model = dict(head=dict(global_branch=dict(transformer=dict(mask_ratio=0.0))))
