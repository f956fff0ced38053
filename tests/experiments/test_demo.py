"""The whole way of `make demo`, with a small model on little data; what is done is not done again."""

import json
import os
from pathlib import Path

import pytest
import torch

from glot_plugin.errors import InputError
from glot_plugin.experiments import demo
from glot_plugin.experiments.demo import PICTURES, run_demo


@pytest.fixture
def run(tmp_path, small_config, monkeypatch):
    """Runs the demo in `tmp_path / 'out'`; gives its rows and the lines that were said."""
    monkeypatch.setattr(demo, 'FRAMES', {'val_frames': 100, 'test_frames': 120})
    monkeypatch.setattr(demo, 'TRAIN_FRAMES', {'images': 300, 'landmarks': 300})
    small_config().dump(tmp_path / 'config.py')

    def run(iterations: int = 4, seed: int = 0) -> tuple[demo.Rows, list[str]]:
        lines = []
        rows = run_demo(tmp_path / 'out', tmp_path / 'none', tmp_path / 'config.py', iterations, seed, lines.append)
        return rows, lines

    return run


def steps(lines: list[str]) -> list[str]:
    return [line[:5] for line in lines if line.startswith('[')]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_demo_on_a_gpu(run, tmp_path):
    rows, _ = run()
    assert set(rows) == {'mean pose', 'GLoT'}
    assert (tmp_path / 'out' / PICTURES[-1]).is_file()


@pytest.mark.training
def test_demo(run, tmp_path):
    out = tmp_path / 'out'
    rows, lines = run()
    assert set(rows) == {'mean pose', 'GLoT'}
    assert steps(lines) == ['[1/5]', '[2/5]', '[3/5]', '[4/5]']
    pictures = [Path(line.removeprefix('picture: ')) for line in lines if line.startswith('picture: ')]
    assert pictures == [out / name for name in PICTURES]
    assert pictures[0].read_bytes().startswith(b'\x89PNG\r\n\x1a\n')

    # Once more: nothing is written, and the same is shown.
    times = {path: path.stat().st_mtime_ns for path in (*pictures, out / 'result.json', out / 'last_checkpoint')}
    again, shown = run()
    assert again == rows
    assert shown[-5:] == lines[-5:]  # the table, and where the pictures are
    assert any('already trained, tested and drawn' in line for line in shown)
    assert {path: path.stat().st_mtime_ns for path in times} == times

    with pytest.raises(InputError, match=r'out was trained with other settings \(iterations 4, now 5; seed 0, now 1\)'):
        run(5, 1)

    pictures[0].unlink()
    again, shown = run()
    assert again == rows
    assert steps(shown) == ['[1/5]', '[4/5]']
    assert pictures[0].is_file()

    # A checkpoint that is newer than the result is tested again.
    os.utime(next(out.glob('best_*.pth')))
    again, shown = run()
    assert again == rows
    assert steps(shown) == ['[1/5]', '[2/5]', '[3/5]', '[4/5]']
    assert not [line for line in shown if line.startswith('iteration')]

    result = json.loads((out / 'result.json').read_text())
    del result['metrics']['GLoT']['PVE']
    (out / 'result.json').write_text(json.dumps(result))
    with pytest.raises(InputError, match=r'out/result.json: no number PVE in metrics; remove .*out to train again'):
        run()
