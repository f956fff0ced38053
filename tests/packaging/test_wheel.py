"""A wheel, built and installed elsewhere: README's Python example, and what OpenMMLab's tools look for in a package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fresh_process import run_script

pytestmark = pytest.mark.process
SOURCES = ('glot_plugin', 'configs', 'tools', 'setup.py', 'README.md', 'model-index.yml')
MIM = 'glot_plugin/.mim'
# Runs in the empty folder, README's example in the middle.
BEFORE = """
import numpy as np
import torch
from pathlib import Path
from mmengine.hub import get_config
import glot_plugin
from glot_plugin.apis import init_model
from glot_plugin.body_model.synthetic import write_synthetic_body

installed = Path({target!r}) / 'glot_plugin'
assert Path(glot_plugin.__file__).parent == installed
write_synthetic_body(Path('data/body_models'))
checkpoint = Path({checkpoint!r})
checkpoint.parent.mkdir(parents=True)
torch.save({{'state_dict': init_model({config!r}, device='cpu').state_dict()}}, checkpoint)
features = np.random.default_rng(0).random((20, 2048), dtype=np.float32)
"""
AFTER = """
assert track.rotmat.shape == (20, 24, 3, 3)
assert np.isfinite(track.rotmat).all()
assert track.joints3d.shape == (20, 49, 3)
assert track.vertices().shape == (20, 6890, 3)
cfg = get_config('glot_plugin::glot/glot_3dpw.py')
assert Path(cfg.filename) == installed / '.mim/configs/glot/glot_3dpw.py'
assert cfg.model.type == 'GLoTEstimator' and cfg.train_cfg.max_iters == 50_000
"""


def run(*command: object, cwd: Path, **environment: str) -> str:
    environment = {**os.environ, 'PYTHONDONTWRITEBYTECODE': '1', **environment}
    command = [sys.executable, *map(str, command)]
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope='module')
def installed(repository, tmp_path_factory) -> Path:
    """A folder that the wheel is installed into. It is built from a copy: building leaves files in its folder."""
    source, target = tmp_path_factory.mktemp('source'), tmp_path_factory.mktemp('installed')
    for name in SOURCES:
        if (repository / name).is_dir():
            ignore = shutil.ignore_patterns('__pycache__')
            shutil.copytree(repository / name, source / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(repository / name, source / name)
    pip = ('-m', 'pip', '--disable-pip-version-check')
    offline = ('--no-index', '--no-deps')
    run(*pip, 'wheel', *offline, '--no-build-isolation', '--wheel-dir', source / 'dist', '.', cwd=source)
    wheel = next((source / 'dist').glob('*.whl'))
    run(*pip, 'install', *offline, '--no-compile', '--target', target, wheel, cwd=source)
    return target


def readme_example(repository: Path) -> str:
    """The block of README that loads a model and predicts a track."""
    blocks = re.findall(r'```python\n(.*?)```', (repository / 'README.md').read_text(), re.DOTALL)
    (example,) = (block for block in blocks if 'init_model(' in block)
    return example


def test_readme_example_in_an_empty_folder(repository, installed, tmp_path):
    example = readme_example(repository)
    config, checkpoint = re.search(r"init_model\(\s*'(.+?)',\s*'(.+?)'", example).groups()
    script = BEFORE.format(target=str(installed), config=config, checkpoint=checkpoint) + example + AFTER
    run('-c', script, cwd=tmp_path, PYTHONPATH=str(installed))


def test_configs_and_tools_are_in_the_package(repository, installed):
    def files(folder: Path) -> dict[str, bytes]:
        found = (path for pattern in ('*.py', '*.yml') for path in folder.rglob(pattern))
        return {str(path.relative_to(folder)): path.read_bytes() for path in found}

    assert not (installed / MIM / 'configs').is_symlink()
    for name in ('configs', 'tools'):
        assert files(installed / MIM / name) == files(repository / name) != {}
    assert (installed / MIM / 'model-index.yml').read_bytes() == (repository / 'model-index.yml').read_bytes()


def test_installed_tools_run(installed, tmp_path):
    done = run_script(installed / MIM / 'tools/test.py', '--help', folder=tmp_path, path=(installed,))
    assert done.status == 0, done.err
    assert 'usage: test.py' in done.out
