"""The embedded data set: synthetic tracks to run and test the system with, and no benchmark.

Generated people move through a handful of movements; features are a fixed random function of what they do, with noise
and occlusion, instead of those of a network that looked at pictures. How well a model does here says that its parts
work together, and nothing about how it does on people.
"""

from glot_plugin.datasets.synthetic.generator import SyntheticTrack, generate_tracks
from glot_plugin.datasets.synthetic.stores import write_synthetic_dataset, write_synthetic_store

__all__ = ['SyntheticTrack', 'generate_tracks', 'write_synthetic_dataset', 'write_synthetic_store']
