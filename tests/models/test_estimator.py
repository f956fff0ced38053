import pytest
import torch

from glot_plugin.benchmark.model_speed import random_batch
from glot_plugin.config import load_config
from glot_plugin.errors import InputError
from glot_plugin.registry import MODELS

NO_CHANCE = {
    'global_branch.transformer.mask_ratio': 0.0,
    'global_branch.transformer.dropout': 0.0,
    'global_branch.transformer.drop_path': 0.0,
    'global_branch.regressor.dropout': 0.0,
    'local_branch.dropout': 0.0,
    'local_branch.drop_path': 0.0,
    'local_branch.regressor.dropout': 0.0,
    'global_branch.transformer.embed_dim': 32,
    'global_branch.transformer.decoder_dim': 16,
    'global_branch.regressor.hidden_dim': 32,
    'local_branch.dim': 16,
    'local_branch.depth': 1,
    'local_branch.regressor.hidden_dim': 32,
}


@pytest.fixture
def model_config(body_dir):
    options = {f'model.head.{name}': value for name, value in NO_CHANCE.items()}
    cfg = load_config('glot_plugin::glot/glot_synthetic.py', options).model
    cfg.body_model.model_dir = str(body_dir)
    return cfg


@pytest.mark.heavy
@pytest.mark.parametrize('amp', [False, True])
def test_gradients_of_a_compiled_model(model_config, amp):
    """Under bfloat16 autocast, gradients of what is in float32 (body model, HSCR's solver) stay in float32, too."""
    torch.manual_seed(0)
    model = MODELS.build(model_config).train()
    model.init_weights()
    batch = random_batch(3, 16, 'cpu', num_2d=1)

    def gradient() -> torch.Tensor:
        model.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=amp):
            loss, _ = model.parse_losses(model(mode='loss', **batch))
        loss.backward()
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    expected = gradient()
    model.compile_losses(backend='aot_eager')
    assert ((gradient() - expected).norm() / expected.norm()).item() < 1e-5


@pytest.mark.parametrize(('key', 'value'), [('inference', 'quick'), ('early', 'repaet')])
def test_modes_are_checked_when_it_is_built(model_config, key, value):
    with pytest.raises(InputError, match=f'{value}.: expected one of'):
        MODELS.build({**model_config, key: value})
