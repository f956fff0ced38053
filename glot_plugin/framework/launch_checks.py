"""Trying an mmhuman3d config's data and parts on one sample, before its runner starts."""

from typing import Any

import torch
from mmhuman3d.models.architectures.mesh_estimator import VideoBodyModelEstimator
from torch import nn

from glot_plugin.errors import InputError

# What mmhuman3d's video estimator reads of a head's output, and the last axes of each.
HEAD_OUTPUT = {'pred_pose': (24, 3, 3), 'pred_shape': (10,), 'pred_cam': (3,)}


def check_first_sample(model: nn.Module, dataset: Any, name: str) -> None:
    """Read one sample and, if a video estimator takes its features, run neck and head on them.

    Whatever does not fit would otherwise end the run later, inside a data loader's process or a matrix product.

    Args:
        model: The model; only the parts of mmhuman3d's `VideoBodyModelEstimator` are tried.
        dataset: The data set that the sample is read from.
        name: The config and key that errors name.

    Raises:
        InputError: The sample cannot be read, or the parts do not accept it or do not return what the estimator reads.
    """
    with torch.random.fork_rng(devices=[]):  # the run's own random numbers are not affected
        sample = _first_sample(dataset, name)
        if not isinstance(model, VideoBodyModelEstimator) or model.backbone is not None or 'features' not in sample:
            return
        parts = [part for part in (model.neck, model.head) if part is not None]
        _check_output(_through(parts, sample['features'], name), sample['features'], model.head, name)


def _first_sample(dataset: Any, name: str) -> dict:
    try:
        return dataset[0]
    except InputError:
        raise
    except Exception as error:  # a pipeline can raise anything
        raise InputError(
            f'{name}: its first sample cannot be read ({type(error).__name__}: {error}); expected a pipeline that uses '
            'only what the data set has'
        ) from error


@torch.no_grad()
def _through(parts: list[nn.Module], features: torch.Tensor, name: str) -> Any:
    """Run one sample (T, C) as a batch through parts, leaving them unchanged."""
    modes = [(module, module.training) for part in parts for module in part.modules()]
    result = features[None].float()
    try:
        for part in parts:
            result = part.eval()(result)
    except InputError:
        raise
    except Exception as error:  # whichever module the widths do not fit
        kinds = ' and '.join(type(part).__name__ for part in parts)
        raise InputError(
            f'{name}: {kinds} do not accept its features {tuple(features.shape)} ({type(error).__name__}: {error}); '
            'check the widths of the parts (input_size, hidden_size, feat_dim, npose, nbeta)'
        ) from error
    finally:
        for module, training in modes:
            module.training = training
    return result


def _check_output(output: Any, features: torch.Tensor, head: nn.Module, name: str) -> None:
    frames = (1, len(features))
    for key, last in HEAD_OUTPUT.items():
        found = output.get(key) if isinstance(output, dict) else None
        if found is None:
            raise InputError(f'{name}: {type(head).__name__} gives no {key}, expected {(*frames, *last)}')
        if tuple(found.shape) != (*frames, *last):
            raise InputError(
                f'{name}: {type(head).__name__} gives {key} {tuple(found.shape)}, expected {(*frames, *last)}'
            )
