"""Fixtures that several test files share."""

import importlib.util
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

# Workers of pytest-xdist, and the processes they start, share the cores. NumPy and torch read this when loaded.
os.environ['OMP_NUM_THREADS'] = '1' if 'PYTEST_XDIST_WORKER' in os.environ else os.environ.get('OMP_NUM_THREADS', '2')

import format_once  # noqa: F401 - before mmengine
import numpy as np
import pytest
from filelock import FileLock
from fresh_process import Finished, run_code, run_script

import glot_plugin  # noqa: F401 - before torch: it sets how threads wait

SHARED = Path(__file__).resolve().parents[2] / 'shared'
SPLITS = ('train', 'val', 'test')
# Options that make the model of a config small and its schedule short.
SMALL = {
    'model.head.global_branch.transformer.embed_dim': 32,
    'model.head.global_branch.transformer.decoder_dim': 16,
    'model.head.global_branch.regressor.hidden_dim': 32,
    'model.head.local_branch.dim': 16,
    'model.head.local_branch.depth': 1,
    'model.head.local_branch.regressor.hidden_dim': 32,
    'train_dataloader.batch_size': 5,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'train_cfg.max_iters': 6,
    'train_cfg.val_interval': 3,
    'default_hooks.checkpoint.interval': 2,
    'default_hooks.logger.interval': 1,
    'randomness.seed': 0,
    'randomness.deterministic': True,
    'log_level': 'ERROR',
}
STARTS_A_PROCESS = {'run_process', 'run_python', 'start_tool'}


# Files whose tests neither train nor start a process, but take seconds each.
HEAVY = {
    'test_ablation_list', 'test_browser', 'test_convert_databases', 'test_embedded_video', 'test_for_mmhuman3d_dataset',
    'test_fuzz_loaders', 'test_gltf', 'test_live_tool', 'test_metric_speed', 'test_paper_pictures', 'test_paper_runs',
    'test_people', 'test_shipped_configs', 'test_site', 'test_synthetic_body', 'test_synthetic_tracks',
    'test_video_tool', 'test_view_and_figures', 'test_viewer', 'test_window_model',
}  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Without `-m gpu`, tests run on the CPU, also where there is a GPU."""
    if config.option.markexpr != 'gpu':
        os.environ['CUDA_VISIBLE_DEVICES'] = ''


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that start a process, those with a fixture for it, and those of heavy files."""
    for item in items:
        if STARTS_A_PROCESS & set(getattr(item, 'fixturenames', ())):
            item.add_marker(pytest.mark.process)
        if item.path.stem in HEAVY:
            item.add_marker(pytest.mark.heavy)


@pytest.fixture
def run_tool(repository, monkeypatch, capsys) -> Callable[..., Finished]:
    """`run_tool(name, *arguments)` runs a tool in this process: starting one takes longer than what most of them do."""

    def run(name: str, *arguments: object) -> Finished:
        monkeypatch.setattr(sys, 'argv', [f'{name}.py', *map(str, arguments)])
        capsys.readouterr()
        status = 0
        try:
            runpy.run_path(str(repository / 'tools' / f'{name}.py'), run_name='__main__')
        except SystemExit as stopped:
            status = stopped.code or 0
        return Finished(status, *capsys.readouterr())

    return run


@pytest.fixture
def start_tool(repository, tmp_path_factory) -> Callable[..., Finished]:
    """`start_tool(name, *arguments, path=())` runs a tool in a fresh process: see fresh_process.py."""

    def start(name: str, *arguments: object, **options: object) -> Finished:
        folder = tmp_path_factory.mktemp('tool')
        return run_script(repository / 'tools' / f'{name}.py', *arguments, folder=folder, **options)

    return start


@pytest.fixture
def run_python(tmp_path_factory) -> Callable[..., str]:
    """Run code in a fresh process; gives its output or, where a failing `status` is expected, its errors."""

    def run(code: str, *arguments: str | Path, path: Path | None = None, status: int = 0) -> str:
        folders = (path,) if path else ()
        done = run_code(code, *arguments, folder=tmp_path_factory.mktemp('python'), path=folders)
        assert done.status == status, done.out + done.err
        return done.err if status else done.out

    return run


@pytest.fixture
def run_process(repository) -> Callable[..., Finished]:
    """`run_process(*command)` runs Python from nothing, with the command line that a user types."""

    def run(*command: object, cwd: Path = repository) -> Finished:
        environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(repository)}
        options = {'capture_output': True, 'text': True, 'timeout': 300, 'check': False}
        done = subprocess.run([sys.executable, *map(str, command)], cwd=cwd, env=environment, **options)
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope='session')
def make_once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """`make_once(name, make)` gives a folder that `make` fills once, whichever worker asks for it first."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if 'PYTEST_XDIST_WORKER' in os.environ else base  # the workers' own folders lie in one

    def folder(name: str, make: Callable[[Path], object]) -> Path:
        path, partial = base / name, base / f'{name}.partial'
        with FileLock(base / f'{name}.lock'):
            if not path.is_dir():
                partial.mkdir()
                make(partial)
                partial.rename(path)
        return path

    return folder


@pytest.fixture(scope='session')
def parity_recipe() -> ModuleType:
    """The recipe that rebuilds the parity fixtures' weights, inputs and body model."""
    path = SHARED / 'parity' / 'recipe.py'
    if not path.is_file():
        pytest.skip(f'no parity fixtures at {path.parent}')
    spec = importlib.util.spec_from_file_location('parity_recipe', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def parity_reference(parity_recipe) -> dict[str, np.ndarray]:
    """What the original computes, by name."""
    with np.load(SHARED / 'parity' / 'reference_seed1.npz') as file:
        return dict(file)


@pytest.fixture(scope='session')
def body_dir(make_once) -> Path:
    """A folder of synthetic body-model files in SMPL's format."""
    from glot_plugin.body_model.synthetic import write_synthetic_body

    return make_once('body_models', write_synthetic_body)


@pytest.fixture(scope='session')
def synthetic_data(body_dir, make_once) -> Path:
    """A folder with small synthetic stores `train`, `val` and `test`."""
    from glot_plugin.datasets.synthetic import write_synthetic_dataset

    frames = {'train_frames': 600, 'val_frames': 120, 'test_frames': 150}
    return make_once('synthetic', lambda folder: write_synthetic_dataset(folder, body_dir, **frames, progress=False))


@pytest.fixture
def small_config(repository, body_dir, synthetic_data):
    """A function that makes the synthetic config small: the whole way in a second or two."""
    from mmengine.logging import MessageHub, MMLogger
    from mmengine.visualization import Visualizer

    from glot_plugin.config import load_config, set_body_model_dir

    def make(**options):
        # mmengine tells runs apart by name and second: two runs within a second would write into the same files.
        for kind in (MMLogger, MessageHub, Visualizer):
            kind._instance_dict.clear()
        options = {**SMALL, **{f'{s}_dataloader.dataset.stores': str(synthetic_data / s) for s in SPLITS}, **options}
        cfg = load_config(repository / 'configs/glot/glot_synthetic.py', options)
        set_body_model_dir(cfg, body_dir)
        return cfg

    return make


@pytest.fixture(scope='session')
def body(body_dir):
    """The neutral synthetic body."""
    from glot_plugin.body_model import SMPLBody

    return SMPLBody(body_dir)


@pytest.fixture(scope='session')
def repository() -> Path:
    """The repository's root."""
    return Path(__file__).resolve().parents[1]
