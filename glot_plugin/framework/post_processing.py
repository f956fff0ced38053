"""mmhuman3d's filters over time."""

from collections.abc import Callable

import numpy as np
from mmhuman3d.core.post_processing import build_post_processing


def build_filter(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """mmhuman3d's filter of this name (`oneeuro`, `gaus1d`, `savgol`) with its own settings: (N, K, C) to the same."""
    return build_post_processing({'type': name})
