"""mmhuman3d's filters over time."""

from collections.abc import Callable

import numpy as np
from mmhuman3d.core.post_processing import build_post_processing


def build_filter(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """mmhuman3d's filter `oneeuro`, `gaus1d` or `savgol` with its default settings, (N, K, C) to the same shape."""
    return build_post_processing({'type': name})
