"""Training, interrupted and resumed, on the synthetic data with a small model."""

import logging
import math
import multiprocessing
import re
import resource
import shutil

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from glot_plugin.checkpoints.reading import read_checkpoint
from glot_plugin.datasets.resident import ResidentWindows
from glot_plugin.engine import train_loop
from glot_plugin.engine.launch import evaluate, prepare, train
from glot_plugin.engine.work_dir import best_checkpoint
from glot_plugin.errors import InputError, NonFiniteLossError, WriteError
from glot_plugin.io import files

pytestmark = pytest.mark.training


class Interrupt(Hook):
    """Stops the run after an iteration, before or after what else happens then."""

    def __init__(self, iteration: int, priority: str) -> None:
        self.iteration, self.priority = iteration, priority

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.iteration:
            raise KeyboardInterrupt


def weights(runner) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in runner.model.state_dict().items()}


@pytest.fixture(scope='module')
def uninterrupted(tmp_path_factory):
    """Filled by the first test that trains to the end, and used by those that are held against it."""
    return {'dir': tmp_path_factory.mktemp('whole')}


def test_trains_validates_and_keeps_the_best(small_config, uninterrupted):
    folder = uninterrupted['dir']
    runner = train(prepare(small_config(), folder))
    uninterrupted['weights'] = weights(runner)
    assert (folder / 'last_checkpoint').read_text().endswith('iter_6.pth')
    assert len(list(folder.glob('iter_*.pth'))) == 3
    best = best_checkpoint(folder)
    assert best.name.startswith('best_PA-MPJPE_iter_')
    metrics = evaluate(prepare(small_config(), folder), best)['test']['paper']
    assert set(metrics) == {'PA-MPJPE', 'MPJPE', 'PVE', 'ACCEL'}
    assert all(math.isfinite(value) and value > 1 for value in metrics.values())


@pytest.mark.parametrize(('iteration', 'priority'), [(3, 'LOWEST'), (4, 'VERY_HIGH'), (4, 'LOWEST'), (5, 'NORMAL')])
def test_resumed_run_ends_with_the_same_bits(small_config, uninterrupted, tmp_path, iteration, priority):
    """Stopped with or without a checkpoint just written, with or without a validation just due."""
    cfg = prepare(small_config(), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train(cfg, hooks=[Interrupt(iteration, priority)])
    runner = train(prepare(small_config(), tmp_path), resume=True)
    resumed = weights(runner)
    assert runner.iter == 6
    assert all(torch.equal(resumed[name], tensor) for name, tensor in uninterrupted['weights'].items())


def test_number_of_workers_does_not_matter(small_config, uninterrupted, tmp_path):
    options = {'train_dataloader.num_workers': 2, 'train_dataloader.persistent_workers': True}
    runner = train(prepare(small_config(**options), tmp_path))
    assert not multiprocessing.active_children()  # they ended with the training
    assert all(torch.equal(weights(runner)[name], tensor) for name, tensor in uninterrupted['weights'].items())


@pytest.mark.parametrize('kept', ['all', 'some'])
def test_frames_on_the_device_do_not_matter(small_config, synthetic_data, tmp_path, monkeypatch, kept):
    """Batches from a device, or windows of one store from there and of the other from workers."""
    stores = [str(synthetic_data / 'train')] * 2
    options = {
        'train_dataloader.dataset.stores': stores,
        'train_dataloader.num_workers': 2,
        'train_dataloader.persistent_workers': True,
        'train_cfg.val_interval': 6,
        'default_hooks.checkpoint.interval': 6,
    }
    host = train(prepare(small_config(**options), tmp_path / 'host'))
    if kept == 'some':
        monkeypatch.setattr(
            train_loop, 'resident_windows', lambda dataset, device: ResidentWindows(dataset, device, stores=[1])
        )
    options['train_dataloader.dataset.resident'] = 'cpu'
    runner = train(prepare(small_config(**options), tmp_path / 'device'))
    assert not multiprocessing.active_children()
    expected = weights(host)
    assert all(torch.equal(weights(runner)[name], tensor) for name, tensor in expected.items())


def test_resume_takes_the_seed_of_the_run(small_config, tmp_path):
    """A run without a given seed draws one; going on uses it, for the batches too."""
    whole = weights(train(prepare(small_config(**{'randomness.seed': 41}), tmp_path / 'whole')))
    cfg = prepare(small_config(**{'randomness.seed': 41}), tmp_path / 'cut')
    with pytest.raises(KeyboardInterrupt):
        train(cfg, hooks=[Interrupt(4, 'LOWEST')])
    resumed = weights(train(prepare(small_config(**{'randomness.seed': None}), tmp_path / 'cut'), resume=True))
    assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())


def test_checkpoints_hold_tensors_and_plain_values_only(uninterrupted):
    checkpoint = torch.load(uninterrupted['dir'] / 'iter_6.pth', weights_only=True)
    assert {'state_dict', 'optimizer', 'param_schedulers', 'message_hub', 'meta'} <= set(checkpoint)
    assert not any('body_model' in name for name in checkpoint['state_dict'])


def test_a_kill_while_writing_leaves_whole_checkpoints(small_config, tmp_path, monkeypatch):
    real, checkpoints = files.sync, []

    def dies_in_the_second(path):
        if path.suffix == '.partial' and '.pth.' in path.name:
            checkpoints.append(path)
            if len(checkpoints) == 2:
                path.write_bytes(b'half')
                raise KeyboardInterrupt
        real(path)

    monkeypatch.setattr(files, 'sync', dies_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        train(prepare(small_config(), tmp_path))
    assert len(checkpoints) == 2
    for path in tmp_path.glob('*.pth'):
        read_checkpoint(path)
    assert (tmp_path / 'last_checkpoint').read_text().endswith('iter_2.pth')


def test_full_disk_while_a_checkpoint_is_written(small_config, tmp_path):
    """One error with the room needed and the last good checkpoint; nothing half-written stays."""

    class Fill(Hook):
        """From iteration 4 on no file can be longer than 10 kB."""

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 3:
                resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(WriteError) as caught:
            train(prepare(small_config(), tmp_path), hooks=[Fill()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    size = f'{(tmp_path / "iter_2.pth").stat().st_size / 1e6:.1f} MB'
    assert re.fullmatch(
        rf'{tmp_path}/iter_4.pth: cannot be written \(File too large; {size} needed, .* free in {tmp_path}\). '
        rf'The run was stopped; the last good checkpoint: {tmp_path}/iter_[23].pth',
        str(caught.value),
    )
    assert not list(tmp_path.glob('.*'))
    for path in tmp_path.glob('*.pth'):
        read_checkpoint(path)


@pytest.mark.parametrize('name', ['scalars.json', '.log'])
def test_full_disk_while_the_log_is_written(small_config, tmp_path, monkeypatch, name):
    class Fill(Hook):
        """The log, and what is drawn of it, are on a disk that is full from iteration 2 on."""

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 1:
                path = next(tmp_path.glob(f'*/**/*{name}'))
                path.unlink()
                path.symlink_to('/dev/full')
                for handler in runner.logger.handlers:
                    if name == '.log' and isinstance(handler, logging.FileHandler):
                        handler.close()
                        handler.stream = open('/dev/full', 'a')  # noqa: SIM115

    message = rf'^{tmp_path}: cannot be written \(No space left on device.*last good checkpoint: none was written yet'
    with pytest.raises(WriteError, match=message):
        train(prepare(small_config(log_level='INFO'), tmp_path), hooks=[Fill()])


def test_bfloat16(small_config, uninterrupted, tmp_path):
    """Runs on a CPU, gives other weights than float32, and keeps them in float32."""
    runner = train(prepare(small_config(), tmp_path), amp=True)
    half = weights(runner)
    assert all(tensor.dtype != torch.bfloat16 for tensor in half.values())
    assert not all(torch.equal(half[name], tensor) for name, tensor in uninterrupted['weights'].items())
    difference = max((half[n].float() - t.float()).abs().max().item() for n, t in uninterrupted['weights'].items())
    assert 0 < difference < 0.05


def test_non_finite_loss_stops_the_run(small_config, tmp_path):
    """The weight of one term becomes infinite in iteration 4; the checkpoint of iteration 2 stays the last."""

    class Break(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 3:
                runner.model.loss.terms['velocity2d'].loss_weight = math.inf

    message = r'iteration 4: .*loss/global/velocity2d = (inf|nan).*last good checkpoint: .*iter_[23].pth'
    with pytest.raises(NonFiniteLossError, match=message):
        train(prepare(small_config(), tmp_path), hooks=[Break()])
    assert not (tmp_path / 'iter_4.pth').exists()
    read_checkpoint((tmp_path / 'last_checkpoint').read_text())


def test_no_checkpoint_of_broken_weights(small_config, tmp_path):
    """The losses are finite up to the end: a step breaks the weights, as another process's gradients can do."""

    class Break(Hook):
        priority = 'VERY_HIGH'

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if runner.iter == 3:
                with torch.no_grad():
                    runner.model.head.local_branch.embed.bias[0] = math.nan

    message = r'iteration 4: 1 weights .* head.local_branch.embed.bias\..*last good checkpoint: .*iter_3.pth'
    cfg = prepare(small_config(**{'default_hooks.checkpoint.interval': 1}), tmp_path)
    with pytest.raises(NonFiniteLossError, match=message):
        train(cfg, hooks=[Break()])
    assert not (tmp_path / 'iter_4.pth').exists()
    assert (tmp_path / 'last_checkpoint').read_text().endswith('iter_3.pth')


@pytest.mark.parametrize(
    'options',
    [
        {'model.head.local_branch': None},
        {'model.head.local_branch.regressor': {'type': 'ResidualRegressor', 'hidden_dim': 32, '_delete_': True}},
        {'model.head.global_branch.transformer.mask_ratio': 0.0},
        {'model.head.global_branch.transformer.mask_token': 'learnable'},
        {
            'model.head.num_frames': 24,
            'train_dataloader.dataset.num_frames': 24,
            'model.head.local_branch.nearby': 2,
        },
        {'model.head.detach_global': False},
        {'train_dataloader.dataset.pipeline': [{'type': t} for t in ('NormalizeKeypoints2d', 'MaskFrames', 'Pack')]},
    ],
    ids=['GMM alone', 'residual', 'unmasked', 'learnable token', 'T = 24, w = 2', 'no detachment', 'pipeline masks'],
)  # fmt: skip
def test_variants_are_keys_of_the_config(small_config, tmp_path, options):
    options = {**options, 'train_cfg.max_iters': 2, 'train_cfg.val_interval': 2}
    if options.get('model.head.local_branch', '') is None:
        cfg = small_config()
        cfg.model.head.local_branch = None
        cfg.train_cfg.update(max_iters=2, val_interval=2)
    else:
        cfg = small_config(**options)
    runner = train(prepare(cfg, tmp_path))
    assert runner.iter == 2


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'model.head.type': 'GLoTHaed'}, "unknown model type 'GLoTHaed'; did you mean 'GLoTHead'"),
        ({'model.head.masks': 1}, "glot_synthetic.py: model.head: GLoTHead has no argument 'masks'"),
        ({'model.head.num_frames': 15}, 'num_frames=15'),
        ({'train_dataloader.dataset.stores': '/nowhere'}, '/nowhere'),
        ({'train_dataloader.num_workers': -1}, 'num_workers is -1, expected a number from 0'),
        ({'val_dataloader': None}, 'val_dataloader not given or None; expected all of .*, val_evaluator, or none'),
        ({'train_cfg.val_interval': 0}, 'train_cfg.val_interval is 0, expected at least 1'),
        (
            {'default_hooks.checkpoint.save_best': 'FOO'},
            'save_best: val_evaluator gives no FOO; expected one of PA-MPJPE, MPJPE, PVE, ACCEL',
        ),
    ],
)
def test_bad_config(small_config, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        train(prepare(small_config(**options), tmp_path))


def test_bad_data_in_a_worker_is_the_message_alone(small_config, synthetic_data, tmp_path):
    store = shutil.copytree(synthetic_data / 'train', tmp_path / 'store')
    np.lib.format.open_memmap(store / 'features.npy', mode='r+')[:] = math.nan
    options = {'train_dataloader.dataset.stores': str(store), 'train_dataloader.num_workers': 2}
    with pytest.raises(InputError) as caught:
        train(prepare(small_config(**options), tmp_path / 'run'))
    assert re.fullmatch(rf'{store}: track .*; write the store again', str(caught.value))


def test_no_body_model_files(small_config, tmp_path):
    with pytest.raises(InputError, match='/nowhere: no SMPL_NEUTRAL.pkl'):
        train(prepare(small_config(), tmp_path, body_models='/nowhere'))


def test_bad_checkpoints(small_config, uninterrupted, tmp_path):
    good = uninterrupted['dir'] / 'iter_6.pth'
    cut = tmp_path / 'cut.pth'
    cut.write_bytes(good.read_bytes()[:1000])
    with pytest.raises(InputError, match='cut.pth: not a valid checkpoint'):
        evaluate(prepare(small_config(), tmp_path), cut)
    state = torch.load(good, weights_only=True)
    name = 'head.local_branch.embed.weight'
    state['state_dict'][name] = state['state_dict'][name][:, :-1]
    state['state_dict']['extra'] = state['state_dict'].pop('head.local_branch.embed.bias')
    torch.save(state, tmp_path / 'misfit.pth')
    message = (
        r'(?s)misfit.pth: does not fit.*missing \(1\): head.local_branch.embed.bias.*unexpected \(1\): extra.*'
        r'wrong shape \(1\): head.local_branch.embed.weight: \(16, 2047\), expected \(16, 2048\)'
    )
    with pytest.raises(InputError, match=message):
        evaluate(prepare(small_config(), tmp_path), tmp_path / 'misfit.pth')
    with pytest.raises(InputError, match='no such checkpoint'):
        train(prepare(small_config(), tmp_path), resume=str(tmp_path / 'absent.pth'))


def test_folder_that_cannot_be_written(small_config, tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match=r'--work-dir .*file/run: cannot be written to'):
        prepare(small_config(), tmp_path / 'file' / 'run')
