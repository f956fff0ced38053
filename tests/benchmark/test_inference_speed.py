"""Inference is measured in every mode, and a window of the paper's head needs few kernels."""

import pytest
import torch

from glot_plugin.benchmark import inference_speed
from glot_plugin.benchmark.inference_speed import compare_inference, inference_remarks, window_kernels
from glot_plugin.config import load_config
from glot_plugin.models import GLoTHead
from glot_plugin.models.inference_mode import MODES
from glot_plugin.models.packed_windows import can_pack

CONFIG = 'glot_plugin::glot/_base_/glot.py'


def test_kernels_of_a_window():
    """From features to parameters, in the paper's sizes."""
    head = load_config(CONFIG).model.head
    head.pop('type')
    head = GLoTHead(**head).eval()
    fused, modules = window_kernels(head, torch.zeros(16, 2048))
    assert fused <= 90
    assert fused < 0.7 * modules


@pytest.fixture
def small_config(tmp_path):
    path = tmp_path / 'small.py'
    path.write_text(
        f"_base_ = ['{CONFIG}']\n"
        'model = dict(head=dict(global_branch=dict(transformer=dict(embed_dim=32, decoder_dim=16)), '
        'local_branch=dict(dim=16)))\n'
    )
    return path


def test_every_mode_is_measured(small_config, body_dir, monkeypatch):
    monkeypatch.setattr(inference_speed, 'FRAMES_WITH_JOINTS', {'cpu': 20})
    comparisons = list(compare_inference(small_config, str(body_dir), 'cpu', repeats=1, frames=20))
    names = [f'20 frames, {mode}' for mode in MODES]
    unpacked = names[: can_pack(torch.float32)]  # one row more where layers are packed
    expected = [*names, *unpacked, *names, 'one window, exact', 'one window, bf16']
    assert [comparison.name for comparison in comparisons] == expected
    assert all(comparison.ours > 0 and comparison.naive > 0 for comparison in comparisons)
    assert 'GFLOP; goal: ≥ 0.9' in comparisons[0].detail
    kernels, *speeds = inference_remarks(small_config, str(body_dir), 'cpu')
    assert kernels.startswith('Kernels of one window: ')
    assert [line.split(', ')[1].split(':')[0] for line in speeds] == list(MODES)
