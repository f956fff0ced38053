"""Gradients of the local branch flow into the global one's parameters."""

_base_ = ['../glot_3dpw.py']

model = dict(head=dict(detach_global=False))
