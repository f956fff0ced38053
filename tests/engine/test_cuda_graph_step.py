"""The step as a graph, with a recording by torch.fx where there is no GPU, and the modes of training side by side."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from glot_plugin.benchmark.model_speed import build_model, random_batch
from glot_plugin.engine import launch, runner
from glot_plugin.engine.cuda_graph_step import GraphedStep, check_cuda_graph
from glot_plugin.engine.launch import prepare, train
from glot_plugin.engine.optim_wrapper import DeviceOptimWrapper
from glot_plugin.errors import InputError

pytestmark = pytest.mark.training
QUIET = {'train_cfg.val_interval': 1000, 'default_hooks.checkpoint.interval': 1000, 'default_hooks.logger.interval': 50}


class Recorder:
    """Records the operations of a step without executing them; a replay executes them, into the same output.

    What the step has computed in Python is fixed by then: a learning rate that is a number, an address of a batch.
    """

    def __init__(self) -> None:
        self.recorded = 0

    def __call__(self, step):
        self.recorded += 1
        graph = make_fx(lambda: step(), tracing_mode='fake', _allow_non_fake_inputs=True)()
        output = torch.zeros(())

        def replay():
            nonlocal output
            values = graph()
            output = output if output.shape == values.shape else torch.empty_like(values)
            return output.copy_(values)

        return replay


@pytest.fixture
def recorder(monkeypatch):
    """GraphedStep without a GPU."""
    recorder = Recorder()
    monkeypatch.setattr(runner, 'GraphedStep', partial(GraphedStep, record=recorder))
    monkeypatch.setattr(launch, 'check_cuda_graph', lambda cfg: None)
    return recorder


def losses(cfg, folder, **options) -> np.ndarray:
    return train(prepare(cfg, folder), **options).message_hub.get_scalar('train/loss').data[0]


def test_modes_agree(small_config, tmp_path, recorder):
    """100 iterations with masks, dropout, clipping and a learning rate that changes in each."""
    options = {**QUIET, 'train_cfg.max_iters': 100, 'optim_wrapper.clip_grad': {'max_norm': 50}}
    expected = losses(small_config(**options), tmp_path / 'eager')
    graph = losses(small_config(**options, cuda_graph=True), tmp_path / 'graph')
    assert recorder.recorded == 1
    compiled = losses(small_config(**options, compile={'backend': 'aot_eager'}), tmp_path / 'compiled')
    assert len(expected) == 100
    np.testing.assert_allclose(graph, expected, rtol=1e-5)
    np.testing.assert_allclose(compiled, expected, rtol=1e-5)


def test_validation_sees_the_weights_of_the_graph(small_config, tmp_path, recorder):
    """Nothing that is derived from weights survives a replay: validation between replays, as without a graph."""
    options = {**QUIET, 'train_cfg.max_iters': 8, 'train_cfg.val_interval': 2}
    scores = []
    for graph in (False, True):
        trained = train(prepare(small_config(**options, cuda_graph=graph), tmp_path / str(graph)))
        scores.append(trained.message_hub.get_scalar('val/PA-MPJPE').data[0])
    assert len(scores[0]) == 4
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-4)


def test_resume_with_a_graph(small_config, tmp_path, recorder):
    """Checkpoints have numbers for learning rates, and the same keys as without a graph."""
    options = {**QUIET, 'train_cfg.max_iters': 10, 'default_hooks.checkpoint.interval': 5, 'cuda_graph': True}
    whole = losses(small_config(**options), tmp_path / 'whole')
    checkpoint = torch.load(tmp_path / 'whole' / 'iter_5.pth', weights_only=True)
    group = checkpoint['optimizer']['param_groups'][0]
    assert isinstance(group['lr'], float)
    assert group['capturable'] is False
    resumed = losses(small_config(**options), tmp_path / 'resumed', resume=tmp_path / 'whole' / 'iter_5.pth')
    np.testing.assert_allclose(resumed, whole[5:], rtol=1e-5)


def not_fused(cfg):
    cfg.optim_wrapper.optimizer.fused = False


def another_optimizer(cfg):
    cfg.optim_wrapper.optimizer = {'type': 'Adagrad', 'lr': 1e-3}


def accumulated(cfg):
    cfg.optim_wrapper.accumulative_counts = 2


def masked_by_the_pipeline(cfg):
    cfg.train_dataloader.dataset.pipeline.insert(0, {'type': 'MaskFrames'})


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (not_fused, 'Adam as it is configured cannot be recorded, expected .* fused=True'),
        (another_optimizer, 'Adagrad as it is configured'),
        (accumulated, 'accumulative_counts must be 1'),
        (masked_by_the_pipeline, 'take MaskFrames out'),
    ],
)
def test_what_cannot_be_recorded(small_config, tmp_path, recorder, change, message):
    cfg = small_config(cuda_graph=True)
    change(cfg)
    with pytest.raises(InputError, match=message):
        train(prepare(cfg, tmp_path))
    assert not recorder.recorded


def test_batches_of_another_shape(small_config, tmp_path, body_dir):
    """They would be written into buffers of the first shape."""
    model = build_model('glot_plugin::glot/glot_synthetic.py', str(body_dir), 'cpu')
    wrapper = DeviceOptimWrapper(torch.optim.Adam(model.parameters(), lr=torch.tensor(1e-4), fused=True))
    step = GraphedStep(model, wrapper, Recorder())
    step(random_batch(3, 16, 'cpu', num_2d=1))
    with pytest.raises(InputError, match="'features': .2, 16, 2048"):
        step(random_batch(2, 16, 'cpu', num_2d=1))


def test_mask_in_a_compiled_batch(small_config, tmp_path):
    cfg = small_config(compile={'backend': 'eager'})
    masked_by_the_pipeline(cfg)
    with pytest.raises(InputError, match='take MaskFrames out'):
        train(prepare(cfg, tmp_path))


def test_needs_a_gpu(small_config, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(InputError, match='cuda_graph=True needs a CUDA GPU'):
        train(prepare(small_config(cuda_graph=True), tmp_path))


@pytest.mark.parametrize('mode', ['reduce-overhead', 'max-autotune'])
def test_compilers_must_not_record_graphs_of_their_own(mode, small_config, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cfg = prepare(small_config(cuda_graph=True, compile={'mode': mode}), tmp_path)
    with pytest.raises(InputError, match=f"compile.mode='{mode}' records CUDA graphs of its own"):
        check_cuda_graph(cfg)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('amp', [False, True])
def test_modes_agree_on_a_gpu(small_config, tmp_path, amp):
    """Compiled code draws other random numbers: it is compared without any."""
    options = {**QUIET, 'train_cfg.max_iters': 100, 'randomness.deterministic': False}
    expected = losses(small_config(**options), tmp_path / 'eager', amp=amp)
    graph = losses(small_config(**options, cuda_graph=True), tmp_path / 'graph', amp=amp)
    np.testing.assert_allclose(graph, expected, rtol=1e-2 if amp else 1e-5)
    parts = {
        'transformer.mask_ratio': 0.0,
        'transformer.dropout': 0.0,
        'transformer.drop_path': 0.0,
        'regressor.dropout': 0.0,
    }
    options |= {f'model.head.global_branch.{name}': rate for name, rate in parts.items()}
    options |= {f'model.head.local_branch.{name}': 0.0 for name in ('dropout', 'drop_path', 'regressor.dropout')}
    expected = losses(small_config(**options), tmp_path / 'eager_plain', amp=amp)
    compiled = losses(small_config(**options, compile=True, cuda_graph=True), tmp_path / 'compiled', amp=amp)
    np.testing.assert_allclose(compiled, expected, rtol=1e-2 if amp else 1e-5)
