"""smplx reads SMPL's pickles with `pickle.load`, which can run any code in a file; here it reads only arrays."""

import pickle
from types import ModuleType

from glot_plugin.framework.compat.import_hook import ModuleView
from glot_plugin.io.safe_pickle import load_open_pickle


def guard_body_models(module: ModuleType) -> None:
    """Give `smplx.body_models` a view of `pickle` whose `load` admits arrays and refuses everything else by name."""
    if not isinstance(module.pickle, ModuleView):
        module.pickle = ModuleView(pickle, load=load_open_pickle)
