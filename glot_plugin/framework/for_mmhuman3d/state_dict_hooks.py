"""What goes into mmcv's checkpoints, and under which names."""

from collections.abc import Mapping

from torch import Tensor, nn


def respect_persistence(module: nn.Module) -> None:
    """Leave non-persistent buffers out of mmcv's checkpoints: mmcv's own way of saving writes all buffers."""
    for child in module.modules():
        if child._non_persistent_buffers_set:
            child._register_state_dict_hook(_drop_buffers)


def _drop_buffers(module: nn.Module, state: dict[str, Tensor], prefix: str, _: dict) -> None:
    for name in module._non_persistent_buffers_set:
        state.pop(prefix + name, None)


def keep_out_of_checkpoints(body_model: nn.Module) -> None:
    """Leave a body model's arrays out of every checkpoint: they are licensed, and every user has a copy.

    smplx's parameters (default pose, shape and translation, all zeros) stay.
    """
    for child in body_model.modules():
        child._non_persistent_buffers_set.update(child._buffers)
    respect_persistence(body_model)


def accept_names(module: nn.Module, names: Mapping[str, str]) -> None:
    """Let a module's weights be loaded under other names, too.

    Args:
        module: The module.
        names: Other prefix → prefix in this module, both below the module's own.
    """

    def rename(state: dict[str, Tensor], prefix: str, *_: object) -> None:
        for key in [key for key in state if key.startswith(prefix)]:
            for other, own in names.items():
                if key.startswith(prefix + other):
                    state[prefix + own + key[len(prefix + other) :]] = state.pop(key)
                    break

    module._register_load_state_dict_pre_hook(rename)
