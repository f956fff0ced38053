"""A small GLoT head for tests."""

import torch

from glot_plugin.models import GLoTHead

SMALL = {
    'in_dim': 32,
    'global_branch': {
        'transformer': {'embed_dim': 32, 'num_heads': 4, 'decoder_dim': 16, 'decoder_num_heads': 4},
        'regressor': {'hidden_dim': 32},
    },
    'local_branch': {'dim': 16, 'num_heads': 4, 'depth': 2, 'regressor': {'hidden_dim': 32}},
}


def small_head(**changes) -> GLoTHead:
    """A small GLoT head with weights large enough that every part matters."""
    torch.manual_seed(0)
    head = GLoTHead(**{**SMALL, **changes})
    for parameter in head.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.15)
    return head
