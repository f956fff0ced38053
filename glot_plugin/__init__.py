"""GLoT (CVPR 2023) as registered parts: SMPL bodies from video. Importing the package registers them."""

import os

# Threads that wait for each other spin before they sleep. OpenMP's default spins so long that steps stall when
# data-loader workers or other programs take one of the cores; not spinning at all makes every step slower. It is read
# when torch is loaded, so it stands before the imports; a value that is set stays.
os.environ.setdefault('GOMP_SPINCOUNT', '20000')

from glot_plugin import body_model, datasets, engine, evaluation, losses, models, transforms
from glot_plugin.version import __version__

__all__ = ['__version__', 'body_model', 'datasets', 'engine', 'evaluation', 'losses', 'models', 'transforms']
