"""Latency of 2 frames: frame 13 of 16 is predicted (the paper: 8, latency 7)."""

_base_ = ['../glot_3dpw.py']

model = dict(head=dict(target_frame=13))
