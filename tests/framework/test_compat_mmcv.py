"""mmcv's parallel wrappers, checkpoints and resuming on current torch."""

import logging
import sys
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.parallel import DataContainer, MMDataParallel, _functions, collate
from mmcv.runner import CheckpointLoader, EpochBasedRunner, IterBasedRunner, load_checkpoint, save_checkpoint
from torch import nn

from glot_plugin.framework.compat import mmcv_patches


class Line(nn.Module):
    """y = w x, with mmcv's train and validation steps."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: torch.Tensor, metas: list | None = None) -> torch.Tensor:
        assert metas is None or isinstance(metas[0], dict)
        return self.weight * x

    def train_step(self, data: dict, optimizer: dict | None = None) -> dict:
        loss = self(**data).mean()
        if optimizer is not None:
            optimizer['line'].zero_grad()
            loss.backward()
            optimizer['line'].step()
        return {'loss': loss, 'log_vars': OrderedDict(loss=loss.item()), 'num_samples': len(data['x'])}

    def val_step(self, data: dict, optimizer: dict | None = None) -> dict:
        return {'y': self(**data)}


def batch() -> dict:
    samples = [{'x': torch.tensor([float(i)]), 'metas': DataContainer({'index': i}, cpu_only=True)} for i in range(4)]
    return collate(samples, samples_per_gpu=4)


def test_data_parallel_unpacks_containers_on_cpu():
    model = MMDataParallel(Line(), device_ids=[-1]) if not torch.cuda.is_available() else MMDataParallel(Line().cuda())
    assert model(**batch()).flatten().tolist() == [0, 2, 4, 6]
    assert model.train_step(batch())['loss'].item() == 3
    assert model.val_step(batch())['y'].shape == (4, 1)


def test_streams_are_found_by_device_index():
    stream = _functions._get_stream(0)  # mmcv's call; the unpatched one fails on the int
    assert (stream is None) == (not torch.cuda.is_available())
    assert _functions._get_stream(torch.device('cpu')) is None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
def test_data_containers_are_copied_to_the_gpu():
    container = DataContainer([torch.arange(1000.0)], stack=True)
    model = MMDataParallel(Line().cuda(), device_ids=[0])
    result = model(x=container)
    assert result.is_cuda
    assert result.cpu().tolist() == [2.0 * i for i in range(1000)]


DISTRIBUTED = """
import sys
from pathlib import Path
import glot_plugin.framework
import torch
from glot_plugin.engine.distributed import leave_distributed
from mmcv.parallel import MMDistributedDataParallel
from torch import distributed, nn

rank, meet = int(sys.argv[1]), sys.argv[2]
distributed.init_process_group('gloo', init_method=f'file://{meet}', rank=rank, world_size=2)

class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0 + rank))  # rank 0's value is the one both start from
        self.register_buffer('count', torch.tensor(5.0 + rank))

    def forward(self, x):
        return self.weight * x

    def train_step(self, x):
        return dict(loss=self(x).sum())

    def val_step(self, x):
        return dict(y=self(x))

model = MMDistributedDataParallel(Line(), find_unused_parameters=True)
x = torch.tensor([1.0, 2.0]) if rank == 0 else torch.tensor([3.0, 10.0])
results = []
for loss in (lambda: model(x).sum(), lambda: model(x=x).sum(), lambda: model.train_step(x)['loss']):
    model.zero_grad()
    value = loss()
    value.backward()
    results += [value.item(), model.module.weight.grad.item()]
with torch.no_grad():
    results += model.val_step(x)['y'].tolist()
results.append(model.module.count.item())
print(*results, flush=True)
del model, loss, value
leave_distributed()
print(*(name.read_text().strip() for name in Path('/proc/self/task').glob('*/comm')))
"""


def test_distributed_wrapper_averages_gradients(run_python, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        outputs = list(pool.map(lambda rank: run_python(DISTRIBUTED, rank, tmp_path / 'meet'), range(2)))
    # d(sum(w x))/dw = sum(x): 3 on rank 0 and 13 on rank 1, 8 on average; w = 2 and count = 5 come from rank 0.
    results = [output.splitlines()[-2] for output in outputs]
    lines = [[float(number) for number in result.split()] for result in results]
    assert lines == [[6, 8, 6, 8, 6, 8, 2, 4, 5], [26, 8, 26, 8, 26, 8, 6, 20, 5]]
    # A thread of the group that is left over can abort the process while Python shuts down.
    assert not any('gloo' in output.splitlines()[-1] for output in outputs)


def numpy_meta() -> dict:
    return {'epoch': 3, 'iter': 12, 'hook_msgs': {'best_score': np.float32(51.5), 'last': np.int64(7)}}


def test_checkpoints_with_numpy_scores_load(tmp_path):
    file = tmp_path / 'best.pth'
    save_checkpoint(Line(), str(file), meta=numpy_meta())
    with pytest.raises(Exception, match='weights_only'):
        torch.load(file)
    model = Line()
    model.weight.data.fill_(9)
    meta = load_checkpoint(model, str(file), map_location='cpu')['meta']
    assert model.weight.item() == 2
    assert meta['hook_msgs'] == {'best_score': 51.5, 'last': 7}


@pytest.mark.parametrize('core', ['numpy.core', 'numpy._core'])
def test_checkpoints_of_either_numpy_load(tmp_path, core):
    file = tmp_path / 'other.pth'
    torch.save({'score': np.float64(2.5), 'curve': np.arange(3)}, file, _use_new_zipfile_serialization=False)
    written = 'numpy._core' if b'numpy._core' in file.read_bytes() else 'numpy.core'
    data = file.read_bytes().replace(f'c{written}.'.encode(), f'c{core}.'.encode())
    file.write_bytes(data)
    loaded = load_checkpoint_file(file)
    assert loaded['score'] == 2.5
    assert loaded['curve'].tolist() == [0, 1, 2]


def load_checkpoint_file(file: Path) -> dict:
    return CheckpointLoader.load_checkpoint(str(file), map_location='cpu')


def test_checkpoints_that_would_run_code_are_refused(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (open, (str(tmp_path / 'written'), 'w'))

    torch.save({'state_dict': {}, 'meta': Harmful()}, tmp_path / 'harmful.pth')
    with pytest.raises(Exception, match='weights_only'):
        load_checkpoint_file(tmp_path / 'harmful.pth')
    assert not (tmp_path / 'written').exists()


def test_what_other_readers_admit_stays_as_it_is(tmp_path):
    save_checkpoint(Line(), str(tmp_path / 'best.pth'), meta=numpy_meta())
    with torch.serialization.safe_globals([np.dtype]):
        before = set(torch.serialization.get_safe_globals())
        load_checkpoint_file(tmp_path / 'best.pth')
        assert np.dtype in before
        assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize('runner_type', [EpochBasedRunner, IterBasedRunner])
def test_runners_resume(tmp_path, runner_type):
    logger = logging.getLogger('resume')
    limit = {'max_epochs': 4} if runner_type is EpochBasedRunner else {'max_iters': 16}

    def runner() -> EpochBasedRunner | IterBasedRunner:
        model = Line()
        optimizer = {'line': torch.optim.Adam(model.parameters(), lr=0.1)}
        return runner_type(model, optimizer=optimizer, work_dir=str(tmp_path), logger=logger, meta={}, **limit)

    first = runner()
    for _ in range(2):
        first.model.train_step({'x': torch.tensor([1.0])}, first.optimizer)
    first._epoch, first._iter = 2, 8
    first.meta['hook_msgs'] = {'best_score': np.float64(51.5), 'best_ckpt': 'best.pth'}
    first.save_checkpoint(str(tmp_path), filename_tmpl='latest_{}.pth', create_symlink=False)
    (file,) = tmp_path.glob('latest_*.pth')

    resumed = runner()
    resumed.resume(str(file))
    assert resumed.iter == 8
    assert resumed.model.weight.item() == first.model.weight.item() != 2
    for each in (first, resumed):
        each.model.train_step({'x': torch.tensor([1.0])}, each.optimizer)
    assert resumed.model.weight.item() == first.model.weight.item()  # Adam's moments came along


def test_patches_are_skipped_where_torch_does_not_need_them(monkeypatch):
    monkeypatch.setattr(mmcv_patches, '_TORCH', (2, 0))
    streams, checkpoint = (type(sys)('mmcv_module') for _ in range(2))
    streams._get_stream = get_stream = object()
    mmcv_patches.streams_by_index(streams)
    mmcv_patches.load_with_numpy_scalars(checkpoint)
    assert streams._get_stream is get_stream
    assert not hasattr(checkpoint, 'torch')
