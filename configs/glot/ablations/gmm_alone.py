"""Global motion modelling alone, without the local branch."""

_base_ = ['../glot_3dpw.py']

model = dict(head=dict(local_branch=None))
