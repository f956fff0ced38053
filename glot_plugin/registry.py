"""Registries of the scope `glot`, children of mmengine's: they find mmengine's parts, and it finds `glot.Name`."""

import sys

import mmengine.registry as root
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import Registry

# mmengine imports `<scope>.registry` to fill a scope. The package's name is not its scope's, hence this alias.
sys.modules.setdefault('glot.registry', sys.modules[__name__])

# mmengine finds the configs of packages listed here: `get_config('glot_plugin::glot/glot_3dpw.py')`. It looks up the
# folder of the distribution with the given name, or else of the module. A module's name, which no distribution has,
# gives the folder of the package in use; for editable installs the distribution's folder is a different one.
MODULE2PACKAGE.setdefault('glot_plugin', __name__)


def _child(parent: Registry, *packages: str) -> Registry:
    locations = [f'glot_plugin.{package}' for package in packages]
    child = Registry(parent.name, parent=parent, scope='glot', locations=locations)
    # mmengine uses the package's name as the scope of its configs; an empty registry of that name passes lookups on.
    Registry(parent.name, parent=child, scope='glot_plugin', locations=['glot_plugin'])
    return child


MODELS = _child(root.MODELS, 'models', 'losses', 'body_model', 'features')
DATASETS = _child(root.DATASETS, 'datasets')
DATA_SAMPLERS = _child(root.DATA_SAMPLERS, 'datasets')
FUNCTIONS = _child(root.FUNCTIONS, 'datasets')
TRANSFORMS = _child(root.TRANSFORMS, 'transforms', 'features')
METRICS = _child(root.METRICS, 'evaluation')
HOOKS = _child(root.HOOKS, 'engine')
LOOPS = _child(root.LOOPS, 'engine')
OPTIM_WRAPPERS = _child(root.OPTIM_WRAPPERS, 'engine')
RUNNERS = _child(root.RUNNERS, 'engine')
WEIGHT_INITIALIZERS = _child(root.WEIGHT_INITIALIZERS, 'checkpoints')
# These are empty; mmengine warns when a scope lacks a registry that a run uses.
EVALUATOR = _child(root.EVALUATOR, 'evaluation')
LOG_PROCESSORS = _child(root.LOG_PROCESSORS, 'engine')
MODEL_WRAPPERS = _child(root.MODEL_WRAPPERS, 'engine')
OPTIMIZERS = _child(root.OPTIMIZERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(root.OPTIM_WRAPPER_CONSTRUCTORS, 'engine')
PARAM_SCHEDULERS = _child(root.PARAM_SCHEDULERS, 'engine')
VISBACKENDS = _child(root.VISBACKENDS, 'engine')
VISUALIZERS = _child(root.VISUALIZERS, 'engine')
