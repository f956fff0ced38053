import pytest
import torch

from glot_plugin.checkpoints.reading import read_checkpoint, read_tensors
from glot_plugin.errors import InputError


@pytest.mark.parametrize(
    ('state', 'message'),
    [
        (3, "'state_dict' is a int, expected tensors by name"),
        ({'a': torch.zeros(1), 'b': 2.0}, "'state_dict' has other things than tensors by name: b"),
        ({7: torch.zeros(1)}, "'state_dict' has other things than tensors by name: 7"),
    ],
)
def test_state_that_holds_no_tensors(tmp_path, state, message):
    torch.save({'state_dict': state}, tmp_path / 'a.pth')
    with pytest.raises(InputError, match=f'a.pth: {message}'):
        read_checkpoint(tmp_path / 'a.pth')


@pytest.mark.parametrize(
    ('meta', 'message'),
    [
        ([1], "'meta' is a list, expected a dict"),
        ({'epoch': 'one'}, "'meta' has 'one' for 'epoch', expected a whole number"),
        ({'iter': 0.5}, "'meta' has 0.5 for 'iter', expected a whole number"),
        ({'experiment_name': 7}, "'meta' has 7 for 'experiment_name', expected a text"),
        ({'seed': [3, 4]}, r"'meta' has \[3, 4\] for 'seed', expected a whole number"),
    ],
)
def test_meta_of_other_types(tmp_path, meta, message):
    torch.save({'state_dict': {}, 'meta': meta}, tmp_path / 'a.pth')
    with pytest.raises(InputError, match=f'a.pth: {message}'):
        read_checkpoint(tmp_path / 'a.pth')


def test_an_empty_file(tmp_path):
    (tmp_path / 'a.pth').touch()
    with pytest.raises(InputError, match='a.pth: not a valid checkpoint'):
        read_checkpoint(tmp_path / 'a.pth')


@pytest.mark.parametrize('new', [True, False])
def test_what_torch_writes_is_read(tmp_path, new):
    """In both of its layouts: tensors of every type that share storages, parameters, sizes, state dicts' attributes."""
    whole = torch.arange(12.0).reshape(3, 4)
    values = {
        'views': [whole, whole[1:], whole.t(), whole[:, 2], whole[:0], torch.tensor(3.0)],
        'types': [torch.zeros(2, dtype=kind) for kind in (torch.bfloat16, torch.bool, torch.int64, torch.complex64)],
        'parameter': torch.nn.Parameter(torch.ones(3)),
        'expanded': torch.zeros(1).expand(5),
        'size': torch.Size([2, 3]),
        'kind': torch.float16,
        'device': torch.device('cpu'),
        'layer': torch.nn.BatchNorm1d(3).state_dict(),
    }
    torch.save(values, tmp_path / 'a.pth', _use_new_zipfile_serialization=new)
    loaded = read_tensors(tmp_path / 'a.pth')
    assert loaded.keys() == values.keys()
    for key in ('views', 'types'):
        assert all(torch.equal(found, given) for found, given in zip(loaded[key], values[key], strict=True))
    assert torch.equal(loaded['parameter'], values['parameter'])
    assert loaded['expanded'].shape == (5,)
    assert (loaded['size'], loaded['kind'], loaded['device']) == ((2, 3), torch.float16, torch.device('cpu'))
    assert loaded['layer'].keys() == values['layer'].keys()


def test_a_tensor_beyond_its_storage(tmp_path):
    """In torch's old layout, for which torch would make as much room as is claimed."""
    torch.save({'state_dict': {'a': torch.zeros(7)}}, tmp_path / 'a.pth', _use_new_zipfile_serialization=False)
    data = (tmp_path / 'a.pth').read_bytes()
    (tmp_path / 'a.pth').write_bytes(data.replace(b'K\x07', b'\x8a\x06' + (10**12).to_bytes(6, 'little')))
    with pytest.raises(InputError, match='a.pth: .* (takes|storages of) 4000000000000'):
        read_checkpoint(tmp_path / 'a.pth')
