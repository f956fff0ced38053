import numpy as np
import pytest
import torch

from glot_plugin.checkpoints.original import UNUSED_SHAPES, convert_file
from glot_plugin.checkpoints.reading import read_checkpoint
from glot_plugin.errors import InputError


@pytest.fixture
def original(parity_recipe, tmp_path):
    path = tmp_path / 'original.pth.tar'
    parity_recipe.write_checkpoint(path)
    return path


def rewrite(path, **changes):
    """Change the tensors of an original checkpoint; None removes one."""
    checkpoint = torch.load(path)
    state = {**checkpoint['gen_state_dict'], **changes}
    checkpoint['gen_state_dict'] = {name: tensor for name, tensor in state.items() if tensor is not None}
    torch.save(checkpoint, path)


def test_there_and_back_is_lossless(original, tmp_path):
    summary = convert_file(original, tmp_path / 'ours.pth')
    assert 'global_modeling.regressor.fc2.weight' in summary
    convert_file(tmp_path / 'ours.pth', tmp_path / 'back.pth.tar')
    before, after = (torch.load(p)['gen_state_dict'] for p in (original, tmp_path / 'back.pth.tar'))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_body_model_buffers_and_numpy_numbers(original, tmp_path):
    """Real files hold the body model, and a numpy number as performance."""
    rewrite(
        original, **{'regressor.smpl.faces_tensor': torch.zeros(3), 'global_modeling.regressor.smpl.J': torch.ones(2)}
    )
    checkpoint = torch.load(original)
    checkpoint['performance'] = np.float64(50.6)
    torch.save(checkpoint, original)
    summary = convert_file(original, tmp_path / 'ours.pth')
    assert 'Dropped, as they belong to the body-model files: global_modeling.regressor.smpl.J' in summary
    assert read_checkpoint(tmp_path / 'ours.pth')['meta']['performance'] == 50.6


def test_weights_trained_by_us_get_zeros_for_what_is_never_read(original, tmp_path):
    convert_file(original, tmp_path / 'ours.pth')
    checkpoint = torch.load(tmp_path / 'ours.pth')
    torch.save({'state_dict': checkpoint['state_dict']}, tmp_path / 'ours.pth')
    assert 'are zeros' in convert_file(tmp_path / 'ours.pth', tmp_path / 'back.pth.tar')
    state = torch.load(tmp_path / 'back.pth.tar')['gen_state_dict']
    assert all((state[name] == 0).all() and state[name].shape == shape for name, shape in UNUSED_SHAPES.items())


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'decoder.extra': torch.zeros(1)}, r'unexpected \(1\): decoder.extra'),
        ({'proj_mem.bias': None}, r'missing \(1\): proj_mem.bias'),
        ({'proj_mem.bias': torch.zeros(3)}, r'proj_mem.bias: \(3,\), expected \(256,\)'),
        ({'local_trans_en.pos_embed': None}, 'no position embedding local_trans_en.pos_embed'),
        # Never read, but there in every original checkpoint.
        ({'global_modeling.regressor.fc2.weight': None}, r'missing \(1\): global_modeling.regressor.fc2.weight'),
        ({'global_modeling.regressor.fc2.weight': torch.zeros(2, 2)}, r'fc2.weight: \(2, 2\), expected \(1024, 1024\)'),
        ({'proj_mem.bias': 3.0}, "'gen_state_dict' has other things than tensors by name: proj_mem.bias"),
    ],
)
def test_anything_unknown_or_missing(original, tmp_path, changes, message):
    rewrite(original, **changes)
    with pytest.raises(InputError, match=message) as caught:
        convert_file(original, tmp_path / 'ours.pth')
    assert str(caught.value).startswith(f'{original}: ')
    assert 'head.' not in str(caught.value)  # the names are those of the file
    assert not (tmp_path / 'ours.pth').exists()


@pytest.mark.parametrize(
    ('value', 'message'), [(float('nan'), '1 NaN or infinite values of 256'), (1j, 'complex numbers')]
)
def test_weights_that_are_no_numbers(original, tmp_path, value, message):
    ours = tmp_path / 'ours.pth'
    convert_file(original, ours)
    bias = torch.load(original)['gen_state_dict']['proj_mem.bias']
    bias = bias.to(torch.complex64) if isinstance(value, complex) else bias.clone()
    bias[3] = value
    rewrite(original, **{'proj_mem.bias': bias})
    with pytest.raises(InputError, match=f'proj_mem.bias has {message}'):
        convert_file(original, tmp_path / 'other.pth')
    checkpoint = torch.load(ours)
    checkpoint['state_dict']['head.local_branch.memory_embed.bias'] = bias
    torch.save(checkpoint, ours)
    with pytest.raises(InputError, match=f'head.local_branch.memory_embed.bias has {message}'):
        convert_file(ours, tmp_path / 'back.pth.tar')
    assert not (tmp_path / 'other.pth').exists()
    assert not (tmp_path / 'back.pth.tar').exists()


def test_the_way_back_is_as_strict(original, tmp_path):
    ours, target = tmp_path / 'ours.pth', tmp_path / 'back.pth.tar'
    convert_file(original, ours)
    checkpoint = torch.load(ours)
    (removed, *_) = UNUSED_SHAPES
    part = {name: tensor for name, tensor in checkpoint['original_only'].items() if name != removed}
    torch.save({**checkpoint, 'original_only': part}, ours)
    with pytest.raises(InputError, match=rf"ours.pth: 'original_only' is not .*\n  missing \(1\): {removed}"):
        convert_file(ours, target)
    state = {**checkpoint['state_dict'], 'head.extra': torch.zeros(1)}
    torch.save({**checkpoint, 'state_dict': state}, ours)
    with pytest.raises(
        InputError, match=r'ours.pth: not the weights of a complete GLoT\n  unexpected \(1\): head.extra'
    ):
        convert_file(ours, target)
    assert not target.exists()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'gen_state_dict': [1]}, "'gen_state_dict' is a list, expected tensors by name"),
        (
            {'model': {}, 'epoch': 3},
            r"an original GLoT checkpoint \('gen_state_dict'\) .* found model, epoch",
        ),
        ([1, 2], 'neither an original GLoT checkpoint .* found list'),
    ],
)
def test_other_files(tmp_path, content, message):
    torch.save(content, tmp_path / 'in.pth')
    with pytest.raises(InputError, match=message):
        convert_file(tmp_path / 'in.pth', tmp_path / 'out.pth')


def test_never_over_the_input(original):
    before = original.read_bytes()
    with pytest.raises(InputError, match='would overwrite the checkpoint that is being converted'):
        convert_file(original, original.parent / '.' / original.name)
    assert original.read_bytes() == before


def test_reading_an_original_checkpoint_says_how_to_convert_it(original):
    with pytest.raises(InputError, match='first run tools/convert_checkpoint.py'):
        read_checkpoint(original)


def test_truncated(original, tmp_path):
    original.write_bytes(original.read_bytes()[:5000])
    with pytest.raises(InputError, match='not a valid checkpoint'):
        convert_file(original, tmp_path / 'ours.pth')
