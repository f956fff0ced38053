"""No velocity losses, neither in 2D nor in 3D."""

_base_ = ['../glot_3dpw.py']

model = dict(loss=dict(terms=dict(velocity2d=None, velocity3d=None)))
