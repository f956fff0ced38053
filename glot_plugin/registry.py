"""Registries of the scope `glot`: children of mmengine's, so its parts are found from here and ours by `glot.Name`."""

import sys

import mmengine.registry as root
from mmengine.registry import Registry

# mmengine imports `<scope>.registry` to fill a scope. The package is not called like its scope, so this module answers.
sys.modules.setdefault('glot.registry', sys.modules[__name__])


def _child(parent: Registry, *packages: str) -> Registry:
    locations = [f'glot_plugin.{package}' for package in packages]
    return Registry(parent.name, parent=parent, scope='glot', locations=locations)


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
# Nothing of ours is in these. They are here because mmengine warns when a scope lacks one that a run asks for.
EVALUATOR = _child(root.EVALUATOR, 'evaluation')
LOG_PROCESSORS = _child(root.LOG_PROCESSORS, 'engine')
MODEL_WRAPPERS = _child(root.MODEL_WRAPPERS, 'engine')
OPTIMIZERS = _child(root.OPTIMIZERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(root.OPTIM_WRAPPER_CONSTRUCTORS, 'engine')
PARAM_SCHEDULERS = _child(root.PARAM_SCHEDULERS, 'engine')
VISBACKENDS = _child(root.VISBACKENDS, 'engine')
VISUALIZERS = _child(root.VISUALIZERS, 'engine')
