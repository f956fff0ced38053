"""The embedded data set: synthetic tracks to run and test the system with, not a benchmark.

Generated people move through a handful of movements; features are a fixed random function of the motion, with noise and
occlusion, instead of the output of an image network. A model's results here show that its parts work together, and say
nothing about its accuracy on real people.
"""

from glot_plugin.datasets.synthetic.generator import SyntheticTrack, generate_tracks
from glot_plugin.datasets.synthetic.stores import write_synthetic_dataset, write_synthetic_store

__all__ = ['SyntheticTrack', 'generate_tracks', 'write_synthetic_dataset', 'write_synthetic_store']
