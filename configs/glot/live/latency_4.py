"""Latency of 4 frames: frame 11 of 16 is predicted (the paper: 8, latency 7)."""

_base_ = ['../glot_3dpw.py']

model = dict(head=dict(target_frame=11))
