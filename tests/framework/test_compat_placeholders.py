"""Placeholders for missing packages: made-up ones, chumpy in SMPL pickles, and real packages that go first."""

import importlib
import pickle
import sys
from types import ModuleType

import numpy as np
import pytest
from torch import nn

from glot_plugin.framework.compat.chumpy_arrays import Ch, Select
from glot_plugin.framework.compat.placeholder_packages import fill_in_rotations
from glot_plugin.framework.compat.placeholders import import_problem, install_placeholder
from glot_plugin.framework.compat.pytorch3d_rotations import ROTATION_FUNCTIONS

MISSING = 'renderer9 draws, and it is not installed. Get it with pip install renderer9'


@pytest.fixture
def renderer9():
    modules = {'renderer9': {}, 'renderer9.parts': {'answer': 42}, 'renderer9.parts.fine': {}}
    install_placeholder(modules, MISSING)
    yield
    for module in modules:
        sys.modules.pop(module)


@pytest.mark.usefixtures('renderer9')
def test_names_can_be_imported_and_subclassed_but_not_used():
    from renderer9 import Light
    from renderer9.parts import Camera
    from renderer9.parts.fine import draw

    class OurCamera(Camera, nn.Module):
        def __init__(self):
            super().__init__()

    assert not isinstance(nn.Linear(1, 1), Camera)
    for use in (OurCamera, Light, lambda: draw(1, to='file'), lambda: Camera.look_at, lambda: OurCamera.look_at):
        with pytest.raises(ImportError, match='pip install renderer9'):
            use()


@pytest.mark.usefixtures('renderer9')
def test_modules_and_provided_names_are_themselves():
    import renderer9.parts
    from renderer9 import parts

    assert parts is renderer9.parts is sys.modules['renderer9.parts']
    assert parts.answer == 42
    assert parts.fine is sys.modules['renderer9.parts.fine']
    assert parts.Camera is parts.Camera


@pytest.mark.usefixtures('renderer9')
def test_what_is_not_known_stays_unknown():
    import renderer9

    with pytest.raises(ModuleNotFoundError):
        importlib.import_module('renderer9.nowhere')
    assert not hasattr(renderer9, '__version__')
    assert not hasattr(renderer9.Light, '_private')


def test_import_problem_tells_absent_from_broken(tmp_path, monkeypatch):
    (tmp_path / 'works9').mkdir()
    (tmp_path / 'works9' / '__init__.py').write_text('')
    (tmp_path / 'breaks9').mkdir()
    (tmp_path / 'breaks9' / '__init__.py').write_text('')
    (tmp_path / 'breaks9' / 'core.py').write_text("raise OSError('libGL.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    assert import_problem('works9', 'works9') is None
    assert import_problem('absent9', 'absent9.core') == 'it is not installed'
    assert 'libGL.so.1' in import_problem('breaks9', 'breaks9.core')
    assert not [name for name in sys.modules if name.startswith('breaks9')]
    del sys.modules['works9']


def test_chumpy_classes_are_read_as_arrays():
    array = np.arange(12.0).reshape(3, 4)
    whole, part = Ch(), Select()
    whole.x = array
    part.a, part.idxs, part.preferred_shape = whole, np.array([1, 5, 9]), (3, 1)
    assert whole.shape == (3, 4)
    assert len(whole) == 3
    np.testing.assert_array_equal(whole[:, 1:2], part)
    np.testing.assert_array_equal(part.r, [[1], [5], [9]])


def test_official_style_pickles_load_into_mmhuman3d(tmp_path, body_dir, monkeypatch):
    from mmhuman3d.models.body_models.builder import build_body_model

    with open(body_dir / 'SMPL_NEUTRAL.pkl', 'rb') as file:
        arrays = pickle.load(file, encoding='latin1')

    def as_chumpy(array: np.ndarray) -> Ch:
        value = Ch()
        value.x = np.asarray(array)
        return value

    # As the official files do: chumpy.ch.Ch for most arrays, under chumpy's module name.
    for key in ('shapedirs', 'v_template', 'posedirs', 'weights'):
        arrays[key] = as_chumpy(arrays[key])
    with monkeypatch.context() as patch:
        patch.setattr(Ch, '__module__', 'chumpy.ch')
        (tmp_path / 'SMPL_FEMALE.pkl').write_bytes(pickle.dumps(arrays, protocol=2))
    assert b'chumpy.ch' in (tmp_path / 'SMPL_FEMALE.pkl').read_bytes()
    body = build_body_model({'type': 'SMPL', 'model_path': str(tmp_path), 'gender': 'female'})
    np.testing.assert_allclose(body.v_template, arrays['v_template'].r, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(body.shapedirs, arrays['shapedirs'].r[..., :10], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(body.lbs_weights, arrays['weights'].r, rtol=1e-6, atol=1e-12)


REAL = """
import glot_plugin.framework
import pickle5, pytorch3d.transforms, mmhuman3d.utils.transforms as transforms, torch
print(pytorch3d.__version__, pickle5.name, transforms.aa_to_quat(torch.zeros(3)))
"""


def test_real_packages_are_used(tmp_path, run_python):
    package = tmp_path / 'pytorch3d'
    for module in ('renderer', 'transforms'):
        (package / module).mkdir(parents=True)
        (package / module / '__init__.py').write_text('')
    (package / '__init__.py').write_text("__version__ = 'the real one'")
    functions = '\n'.join(f'def {name}(x): return x + 7' for name in ROTATION_FUNCTIONS)
    (package / 'transforms' / '__init__.py').write_text(functions)
    (tmp_path / 'pickle5.py').write_text("name = 'the real backport'")
    output = run_python(REAL, path=tmp_path)
    assert 'the real one the real backport tensor([7., 7., 7.])' in output


def test_rotations_reach_a_module_that_was_imported_without_them():
    transforms = ModuleType('transforms')
    transforms.quaternion_to_matrix = its_own = object()
    fill_in_rotations(transforms)
    assert transforms.quaternion_to_matrix is its_own
    assert transforms.axis_angle_to_matrix is ROTATION_FUNCTIONS['axis_angle_to_matrix']
    assert all(hasattr(transforms, name) for name in ROTATION_FUNCTIONS)
