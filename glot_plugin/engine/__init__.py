"""Running training and testing: runner, loops, hooks, optimizer wrapper."""

from glot_plugin.engine.evaluation_loop import TestSetsLoop
from glot_plugin.engine.hooks import FiniteLossHook, PlainCheckpointHook, SeedEachIterationHook
from glot_plugin.engine.logging_hook import DeviceRuntimeInfoHook
from glot_plugin.engine.optim_wrapper import BFloat16OptimWrapper, DeviceOptimWrapper
from glot_plugin.engine.runner import GLoTRunner
from glot_plugin.engine.thread_hook import CPUThreadsHook
from glot_plugin.engine.train_loop import ResumableTrainLoop

__all__ = [
    'BFloat16OptimWrapper',
    'CPUThreadsHook',
    'DeviceOptimWrapper',
    'DeviceRuntimeInfoHook',
    'FiniteLossHook',
    'GLoTRunner',
    'PlainCheckpointHook',
    'ResumableTrainLoop',
    'SeedEachIterationHook',
    'TestSetsLoop',
]
