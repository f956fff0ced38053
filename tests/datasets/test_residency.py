"""Which stores' frames are kept on a device."""

import pytest
import torch
from torch.utils.data import DataLoader

from glot_plugin.datasets import WindowDataset, as_fetched, residency
from glot_plugin.datasets.residency import AUTO_SHARE, frames_bytes, resident_windows
from glot_plugin.datasets.resident import ResidentWindows
from glot_plugin.errors import InputError

CPU, GPU = torch.device('cpu'), torch.device('cuda')


@pytest.fixture
def say(monkeypatch) -> list[str]:
    """The lines that are logged."""
    said = []
    monkeypatch.setattr(residency, 'print_log', lambda line, logger, level: said.append(line))
    return said


@pytest.fixture
def free(monkeypatch):
    """`free(num_bytes)`: a GPU has that much free memory; what is to be kept there is kept in the host's."""

    def have(num_bytes: float) -> None:
        monkeypatch.setattr(torch.cuda, 'mem_get_info', lambda device: (int(num_bytes), 8e10))
        monkeypatch.setattr(residency, 'ResidentWindows', lambda data, _, *rest: ResidentWindows(data, CPU, *rest))

    return have


@pytest.fixture
def paths(make_store) -> list:
    return [make_store('a', (40,))[0], make_store('b', (400,))[0], make_store('c', (20,), ('2d',))[0]]


def test_batches_come_from_the_host_by_default_and_where_there_is_no_gpu(paths, say):
    assert resident_windows(WindowDataset(paths), GPU) is None
    assert resident_windows(WindowDataset(paths, resident='auto'), CPU) is None
    assert not say


def test_auto_keeps_the_stores_that_fit(paths, say, free):
    dataset = WindowDataset(paths, resident='auto')
    a, b, c = (frames_bytes(dataset, [number], half=False) for number in range(3))
    free((a + b + c + 10) / AUTO_SHARE)
    whole = resident_windows(dataset, GPU)
    assert whole.stores == (0, 1, 2)
    row = whole.num_bytes - (a + b + c)  # that of an empty frame
    assert 0 < row < 2000
    assert say.pop().startswith('Frames of a, b, c on cuda (0.0 GB)')
    free((a + c + 10) / AUTO_SHARE)
    assert resident_windows(dataset, GPU).stores == (0, 2)
    line = say.pop()
    assert line.startswith(
        'Frames of a, c on cuda (0.0 GB); b on the host (all would take 0.0 GB, of the free memory 70%'
    )
    assert line.endswith("may be used; with resident_dtype='float16' all would take 0.0 GB)")
    free(1000)
    assert resident_windows(dataset, GPU) is None
    assert say.pop().startswith('Frames of a, b, c on the host (all would take 0.0 GB')


def test_half_precision_fits_more(paths, say, free):
    dataset = WindowDataset(paths, resident='auto', resident_dtype='float16')
    free(frames_bytes(dataset, [0, 1, 2], half=True) / AUTO_SHARE + 1)
    found = resident_windows(dataset, GPU)
    assert found.stores == (0, 1, 2)
    assert found.fetch([0])['features'][0].half().float().equal(found.fetch([0])['features'][0])


def test_auto_leaves_pipelines_that_need_whole_batches_to_the_host(paths, say, free):
    free(1e9)
    assert resident_windows(WindowDataset(paths, pipeline=[{'type': 'MaskFrames'}], resident='auto'), GPU) is None
    assert say == ['Frames of a, b, c on the host (MaskFrames needs whole batches)']


def test_a_device_that_is_not_there(paths):
    with pytest.raises(InputError, match=rf"resident is 'cuda:{torch.cuda.device_count()}', but the number of GPUs is"):
        resident_windows(WindowDataset(paths, resident=f'cuda:{torch.cuda.device_count()}'), CPU)


def test_loaders_without_workers_get_tensors_of_the_device(paths):
    host, resident = WindowDataset(paths), WindowDataset(paths, resident='cpu')
    assert resident[3]['features'].equal(torch.from_numpy(host[3]['features']))
    options = {'batch_size': 4, 'collate_fn': as_fetched}
    for expected, found in zip(DataLoader(host, **options), DataLoader(resident, **options), strict=True):
        assert all(found[name].equal(values) for name, values in expected.items())
    with pytest.raises(InputError, match="resident is 'cpu': expected num_workers=0"):
        next(iter(DataLoader(resident, num_workers=1, **options)))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'resident': 'gpu'}, "resident is 'gpu', expected None, 'auto', or a device such as 'cuda'"),
        ({'resident': True}, 'resident is True, expected None'),
        ({'resident_dtype': 'half'}, "resident_dtype is 'half', expected None"),
    ],
)
def test_bad_options(paths, options, message):
    with pytest.raises(InputError, match=message):
        WindowDataset(paths, **options)
