"""The command-line tools as processes: help, output, and what they say of bad input."""

import subprocess
import sys

import pytest

TOOLS = (
    'train',
    'test',
    'ablate',
    'demo',
    'benchmark',
    'check_clip',
    'check_data',
    'convert_body_model',
    'convert_checkpoint',
    'convert_datasets',
    'extract_features',
    'list_parts',
    'make_synthetic',
    'report',
)


def run(repository, tool: str, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, f'tools/{tool}.py', *map(str, arguments)]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize('tool', TOOLS)
def test_help(repository, tool):
    result = run(repository, tool, '--help')
    assert result.returncode == 0
    assert f'usage: {tool}.py' in result.stdout


def test_errors_are_one_message_and_status_2(repository):
    result = run(repository, 'train', 'absent.py')
    assert result.returncode == 2
    assert result.stderr.strip().endswith('error: absent.py: no such config')
    assert 'Traceback' not in result.stderr


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('train', 'absent.py', '--cfg-options', 'a=1', 'foo'), "--cfg-options: found 'foo', expected KEY=VALUE"),
        (('train', 'absent.py', '--cfg-options', 'a=[1,2'), "--cfg-options: found 'a=[1,2', expected KEY=VALUE"),
        (('make_synthetic', '--train-frames', '0'), '--train-frames 0: expected at least 1'),
        # Before anything runs, and so before the config is read.
        (('test', 'absent.py', 'a.pth', '--out', 'README.md/a.json'), '--out README.md: cannot be written to'),
        (('test', 'absent.py', 'a.pth', '--per-track', 'docs'), '--per-track docs: a folder, expected the name of'),
    ],
)
def test_bad_arguments_name_the_option(repository, arguments, message):
    result = run(repository, *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert 'Traceback' not in result.stderr


def test_list_of_parts_is_up_to_date(repository):
    from glot_plugin.reports.parts_list import parts_page

    page = (repository / 'docs' / 'parts.md').read_text()
    assert page == parts_page(), 'run `make parts`'


def test_demo(repository, tmp_path, small_config):
    """The whole way of `make demo`, with a small model on little data."""
    from glot_plugin.experiments import demo

    cfg = small_config()
    cfg.dump(tmp_path / 'config.py')
    lines = []
    original, demo.FRAMES = demo.FRAMES, {'train_frames': 300, 'val_frames': 100, 'test_frames': 120}
    try:
        rows = demo.run_demo(tmp_path / 'out', tmp_path / 'none', tmp_path / 'config.py', 4, 0, lines.append)
        again = demo.run_demo(tmp_path / 'out', tmp_path / 'none', tmp_path / 'config.py', 4, 0, lines.append)
    finally:
        demo.FRAMES = original
    assert set(rows) == {'mean pose', 'GLoT'}
    assert rows == again  # nothing is trained twice
    pictures = [line.removeprefix('picture: ') for line in lines if line.startswith('picture: ')]
    assert len(set(pictures)) == 4
    with open(pictures[0], 'rb') as file:
        assert file.read(8) == b'\x89PNG\r\n\x1a\n'
