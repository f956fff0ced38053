import pytest
import torch

from glot_plugin.checkpoints.reading import read_checkpoint
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
