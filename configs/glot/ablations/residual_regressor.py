"""The residual regressor instead of HSCR: no joint sees the corrections of its ancestors."""

_base_ = ['../glot_3dpw.py']

model = dict(head=dict(local_branch=dict(regressor=dict(type='ResidualRegressor'))))
