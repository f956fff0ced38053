"""`import mmhuman3d.apis` in a fresh process, and the import hook behind the patches."""

import importlib
import sys

import numpy as np
import pytest
import torch

from glot_plugin.framework.compat import enable
from glot_plugin.framework.compat.import_hook import (
    ModuleView,
    PatchingFinder,
    patch_when_imported,
    prepare_before_import,
)

FRESH = """
import sys
import glot_plugin.framework
import mmhuman3d.apis
import mmhuman3d.data.data_converters
import numpy, torch
from mmhuman3d.core.cameras import build_cameras
from mmhuman3d.core.renderer.torch3d_renderer.meshes import ParametricMeshes
from mmhuman3d.core.visualization.visualize_cameras import VedoRenderer

assert callable(mmhuman3d.apis.train_model)
assert not hasattr(numpy, 'int')
assert mmhuman3d.data.data_converters.agora.pickle.loads
for use in (lambda: build_cameras(dict(type='perspective')), lambda: ParametricMeshes(verts=None), VedoRenderer):
    try:
        use()
    except ImportError as error:
        print('USE:', error)
"""


def test_mmhuman3d_imports_in_a_fresh_process_and_rendering_fails_on_use(tmp_path, run_python):
    (tmp_path / 'vedo.py').write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    uses = [line for line in run_python(FRESH, path=tmp_path).splitlines() if line.startswith('USE:')]
    assert len(uses) == 3
    for line in uses[:2]:
        assert 'pytorch3d' in line
        assert 'github.com/facebookresearch/pytorch3d' in line
    assert 'pip install vedo' in uses[2]
    assert 'libGL.so.1' in uses[2]


def test_enabling_twice_changes_nothing():
    import mmcv.parallel
    import mmcv.runner

    def state() -> list:
        return [
            mmcv.parallel._functions._get_stream,
            mmcv.runner.checkpoint.torch,
            mmcv.runner.IterBasedRunner.resume,
            [finder for finder in sys.meta_path if isinstance(finder, PatchingFinder)],
            {
                name: module
                for name, module in sys.modules.items()
                if name.startswith(('pytorch3d', 'chumpy', 'pickle5'))
            },
        ]

    enable()  # other tests put modules of their own in the place of the placeholders
    before = state()
    assert mmcv.runner.checkpoint.torch is not torch
    enable()
    assert state() == before


@pytest.fixture
def hooked(monkeypatch, tmp_path):
    """A module `hooked9` that does not know of its patch, and a list of what happened to it."""
    (tmp_path / 'hooked9.py').write_text("value = 'its own'\nsource = __loader__.get_source(__name__)")
    monkeypatch.syspath_prepend(tmp_path)
    finder = next(finder for finder in sys.meta_path if isinstance(finder, PatchingFinder))
    yield []
    sys.modules.pop('hooked9', None)
    finder.after.pop('hooked9', None)
    finder.before.pop('hooked9', None)


def test_patch_and_preparation_run_around_the_modules_code(hooked):
    prepare_before_import('hooked9', lambda: hooked.append('hooked9' in sys.modules))
    patch_when_imported('hooked9', lambda module: hooked.append(module.value))
    patch_when_imported('hooked9', lambda module: hooked.append('a second patch'))
    assert hooked == []
    module = importlib.import_module('hooked9')
    assert hooked == [True, 'its own']
    assert module.source.startswith('value')  # the loader is the module's own
    importlib.import_module('hooked9')
    assert len(hooked) == 2
    importlib.reload(module)
    assert hooked[2:] == [True, 'its own']


def test_patch_of_an_imported_module_runs_at_once(hooked):
    importlib.import_module('hooked9')
    patch_when_imported('hooked9', lambda module: hooked.append(module.value))
    assert hooked == ['its own']


def test_module_view_replaces_names_for_one_reader_only():
    view = ModuleView(np, int=int, pi=3)
    assert view.int is int
    assert view.pi == 3
    assert view.zeros is np.zeros
    assert np.pi != 3
    with pytest.raises(AttributeError):
        _ = view.no_such_name
