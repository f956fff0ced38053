"""Several processes report what one reports, whatever the number of tracks."""

import json
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.dataset import DefaultSampler

from glot_plugin.evaluation import BodyMetric, MMHuman3DMetric
from glot_plugin.structures import SmplParams

LENGTHS = (9, 3, 1, 6, 4)
CASES = [(tracks, round_up) for tracks in (1, 4, 5) for round_up in (False, True)]


def make_track(number: int) -> tuple[SmplParams, dict]:
    generator = torch.Generator().manual_seed(number)
    length = LENGTHS[number]
    targets = {
        'track_name': f'track {number}',
        'gender': 'mf'[number % 2],
        'smpl_pose': 0.3 * torch.randn(length, 72, generator=generator),
        'smpl_betas': torch.randn(length, 10, generator=generator),
        'has_smpl': True,
        'frame_valid': torch.rand(length, generator=generator) < 0.8,
    }
    pose6d = torch.randn(length, 144, generator=generator)
    return SmplParams(pose6d, torch.randn(length, 10, generator=generator), torch.ones(length, 3)), targets


def score(body_dir: str) -> list[dict]:
    """Metrics and tracks of each case, of this process's share of the tracks."""
    body = {'type': 'SMPLBody', 'model_dir': body_dir}
    metrics = [BodyMetric(body, metrics=['PA-MPJPE', 'PVE', 'ACCEL', '3DAUC']), MMHuman3DMetric(body)]
    reports = []
    for num_tracks, round_up in CASES:
        result, tracks = {}, []
        for metric in metrics:
            for number in DefaultSampler(range(num_tracks), shuffle=False, round_up=round_up):
                params, targets = make_track(number)
                metric.process(targets, [{'params': params}])
            result.update(metric.evaluate(num_tracks))
            tracks += metric.tracks
        reports.append({'metrics': result, 'tracks': tracks})
    return reports


def worker(rank: int, world_size: int, body_dir: str, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=world_size)
    Path(folder, f'{rank}.json').write_text(json.dumps(score(body_dir)))
    dist.destroy_process_group()


@pytest.mark.process
def test_two_processes_equal_one(body_dir, tmp_path):
    mp.start_processes(worker, args=(2, str(body_dir), str(tmp_path)), nprocs=2, start_method='forkserver')
    main, other = (json.loads((tmp_path / f'{rank}.json').read_text()) for rank in range(2))
    expected = score(str(body_dir))
    for (num_tracks, _), alone, first, second in zip(CASES, expected, main, other, strict=True):
        names = {'PA-MPJPE', 'PVE', 'ACCEL', '3DAUC', 'mmhuman3d/PA-MPJPE', 'mmhuman3d/MPJPE', 'mmhuman3d/PVE'}
        assert first['metrics'].keys() == names
        assert first['metrics'] == pytest.approx(alone['metrics'], rel=1e-5)
        assert second['metrics'] == first['metrics']  # every process knows the result
        assert [row['track'] for row in first['tracks']] == 2 * [f'track {number}' for number in range(num_tracks)]
        assert [row['PVE'] for row in first['tracks']] == pytest.approx([row['PVE'] for row in alone['tracks']])
