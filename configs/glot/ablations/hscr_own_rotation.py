"""HSCR as the paper writes it: joint i reads numbers 6 i … 6 i + 5 of the pose as its own (the code: i … i + 5)."""

_base_ = ['../glot_3dpw.py']

model = dict(head=dict(local_branch=dict(regressor=dict(own_rotation='joint'))))
