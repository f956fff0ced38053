"""Backbones: widths, normalisation, and weights that must fit."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from glot_plugin.errors import InputError
from glot_plugin.features.backbones import BackboneSpec, build_backbone

NAME = 'timm:test_resnet'


def crops(count: int, size: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_timm_model_gives_its_pooled_features():
    backbone = build_backbone(BackboneSpec(NAME, seed=4))
    model = timm.create_model('test_resnet', num_classes=0).eval()
    model.load_state_dict(backbone.network.state_dict())
    pictures = crops(3, 160)
    with torch.no_grad():
        expected = model((pictures.permute(0, 3, 1, 2) / 255 - 0.5) / 0.5)  # the mean and deviation of this model
        assert backbone.crop_size == 160
        assert backbone.feature_dim == 96
        torch.testing.assert_close(backbone(pictures), expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(backbone(pictures)[1:2], backbone(pictures[1:2]), atol=1e-6, rtol=1e-5)


def test_random_weights_come_from_the_seed():
    state = torch.get_rng_state()
    first, again, other = (build_backbone(BackboneSpec(NAME, seed=seed)).network.conv1[0].weight for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize('layout', ['plain', 'state_dict', 'safetensors'])
def test_timm_weights_with_a_classifier(tmp_path, layout):
    torch.manual_seed(9)
    state = timm.create_model('test_resnet', num_classes=7).state_dict()
    path = tmp_path / ('w.safetensors' if layout == 'safetensors' else 'w.pth')
    if layout == 'safetensors':
        save_file(state, path)
    else:
        torch.save(state if layout == 'plain' else {'state_dict': state, 'epoch': 3}, path)
    loaded = build_backbone(BackboneSpec(NAME, path)).network.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in loaded.items())


def test_weights_that_do_not_fit(tmp_path):
    state = timm.create_model('test_resnet', num_classes=0).state_dict()
    first = next(iter(state))
    torch.save({'extra.weight': torch.zeros(1), **{k: v for k, v in state.items() if k != first}}, tmp_path / 'a.pth')
    with pytest.raises(InputError, match=rf'a.pth: does not fit(.|\n)*missing \(1\): {first}(.|\n)*extra.weight'):
        build_backbone(BackboneSpec(NAME, tmp_path / 'a.pth'))
    (tmp_path / 'b.safetensors').write_bytes(b'no')
    with pytest.raises(InputError, match=r'b.safetensors: not a valid .safetensors'):
        build_backbone(BackboneSpec(NAME, tmp_path / 'b.safetensors'))


def test_unknown_backbones():
    with pytest.raises(InputError, match='--backbone resnet: expected spin, timm:NAME or blazepose'):
        build_backbone(BackboneSpec('resnet'))
    with pytest.raises(InputError, match=r"no model 'test_resne'; similar: test_resnet"):
        build_backbone(BackboneSpec('timm:test_resne'))


def test_spin_checkpoint(tmp_path):
    """The ResNet-50 in SPIN's layout gives what torchvision's, whose names SPIN has, gives from the same weights."""
    pytest.importorskip('mmhuman3d')
    torchvision = pytest.importorskip('torchvision')
    torch.manual_seed(0)
    reference = torchvision.models.resnet50(weights=None)
    reference.fc = torch.nn.Identity()
    state = {
        name: value.half() if value.is_floating_point() else value for name, value in reference.state_dict().items()
    }
    for name, value in state.items():
        if name.endswith('running_mean'):
            value += 0.1 * torch.randn(value.shape)
    reference.load_state_dict(state)
    state.pop('bn1.num_batches_tracked')  # as in files of old versions of torch
    regressor = {'fc1.weight': (1024, 2205), 'decpose.bias': (144,), 'init_pose': (1, 144), 'fc2.bias': (1024,)}
    path = tmp_path / 'spin_model_checkpoint.pth.tar'
    torch.save({'model': state | {name: torch.zeros(shape) for name, shape in regressor.items()}}, path)

    backbone = build_backbone(BackboneSpec('spin', path))
    assert (backbone.feature_dim, backbone.crop_size) == (2048, 224)
    pictures = crops(2, 224)
    normal = torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with torch.no_grad():
        expected = reference.eval()(normal(pictures.permute(0, 3, 1, 2) / 255))
        torch.testing.assert_close(backbone(pictures), expected, atol=1e-4, rtol=1e-4)

    state.pop('layer4.2.conv3.weight')
    torch.save({'model': {**state, 'layer5.weight': torch.zeros(1)}}, path)
    with pytest.raises(InputError, match=r'missing \(1\): layer4.2.conv3.weight(.|\n)*unexpected \(1\): layer5.weight'):
        build_backbone(BackboneSpec('spin', path))
    torch.save({'state_dict': state}, path)
    with pytest.raises(InputError, match="no state dict under 'model'; found state_dict"):
        build_backbone(BackboneSpec('spin', path))
