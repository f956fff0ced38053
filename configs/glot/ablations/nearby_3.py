"""3 nearby frames on each side of the mid frame (the paper: 4)."""

_base_ = ['../glot_3dpw.py']

model = dict(head=dict(local_branch=dict(nearby=3)))
