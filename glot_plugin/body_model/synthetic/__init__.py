"""A synthetic body in SMPL's file format: for tests and the embedded data set, where no licensed files are needed.

It is generated, not measured: a surface around an adult's skeleton with skinning weights, blend shapes, regressors and
mean parameters of the same layout and size as SMPL's. The code that loads the licensed files loads it, too; results on
it show that the system works and say nothing about real people.
"""

from glot_plugin.body_model.synthetic.files import write_synthetic_body

__all__ = ['write_synthetic_body']
