"""The benchmark of the metrics: its baseline is right, and what it measures of memory is bounded."""

import sys

import pytest
import torch

from glot_plugin.benchmark.metric_speed import compare_metrics, measure_scoring, random_tracks
from glot_plugin.benchmark.timing import peak_memory_mb


def test_the_naive_twin_gives_the_same_numbers(body_dir):
    """`compare_metrics` compares the numbers before it measures."""
    result = compare_metrics(str(body_dir), 'cpu', poses=40, repeats=1)
    assert result.ours > 0
    assert result.ratio == pytest.approx(result.naive / result.ours)


def test_tracks_hold_the_poses_asked_for():
    tracks = random_tracks(650, 'cpu')
    assert [len(params.betas) for params, _ in tracks] == [300, 300, 50]
    again = random_tracks(650, 'cpu')
    assert torch.equal(tracks[2][0].pose6d, again[2][0].pose6d)


@pytest.mark.skipif(sys.platform != 'linux', reason='peak memory is read from /proc')
@pytest.mark.parametrize('protocol', ['paper', 'mmhuman3d'])
def test_meshes_are_never_all_in_memory(body_dir, protocol):
    """Meshes of 3,000 poses take 250 MB a side, and several times that while they are skinned."""
    measure_scoring(str(body_dir), 'cpu', poses=100, protocol=protocol)  # libraries' own buffers
    peak_memory_mb(reset=True)
    before = peak_memory_mb()
    result = measure_scoring(str(body_dir), 'cpu', poses=3_000, protocol=protocol)
    assert result.poses == 3_000
    assert result.peak_mb - before < 300
