"""smplx reads SMPL's pickles with `pickle.load`, which runs whatever a file asks for; here it reads arrays only."""

import pickle
from types import ModuleType

from glot_plugin.framework.compat.import_hook import ModuleView
from glot_plugin.io.safe_pickle import load_open_pickle


def guard_body_models(module: ModuleType) -> None:
    """Give `smplx.body_models` a view of `pickle` whose `load` admits arrays and refuses everything else by name."""
    if not isinstance(module.pickle, ModuleView):
        module.pickle = ModuleView(pickle, load=load_open_pickle)
