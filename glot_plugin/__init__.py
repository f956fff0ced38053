"""GLoT (CVPR 2023) as registered parts: SMPL bodies from video. Importing the package registers them."""

import os

# Threads that wait for each other spin before they sleep. By default OpenMP spins so long that steps stall when
# data-loader workers or other programs occupy a core; not spinning at all slows every step down. The variable is read
# when torch is loaded, so it is set before the imports; a value already in the environment is kept.
os.environ.setdefault('GOMP_SPINCOUNT', '20000')

from glot_plugin import body_model, datasets, engine, evaluation, losses, models, transforms
from glot_plugin.version import __version__

__all__ = ['__version__', 'body_model', 'datasets', 'engine', 'evaluation', 'losses', 'models', 'transforms']
