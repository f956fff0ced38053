"""One clear error for a missing or incompatible mmcv or mmhuman3d."""

import sys
from types import ModuleType

import pytest

from glot_plugin.framework.compat.requirements import check_requirements

COMMANDS = ('setuptools<81', '--no-build-isolation mmcv==1.6.0', '--no-deps mmhuman3d==0.11.0')


def mmcv_of_version(version: str, registry: bool) -> ModuleType:
    mmcv = ModuleType('mmcv')
    mmcv.__version__ = version
    mmcv.utils = ModuleType('mmcv.utils')
    if registry:
        mmcv.utils.Registry = object
    return mmcv


def error_text() -> str:
    with pytest.raises(ImportError) as caught:
        check_requirements()
    text = str(caught.value)
    assert all(command in text for command in COMMANDS)
    return text


def test_installed_versions_pass():
    check_requirements()


def test_missing_packages(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmcv', None)
    monkeypatch.setitem(sys.modules, 'mmhuman3d', None)
    assert 'found: no mmcv; no mmhuman3d.' in error_text()


@pytest.mark.parametrize(
    ('version', 'registry', 'found'),
    [
        ('2.1.0', False, 'mmcv 2.1.0, which has no mmcv.utils.Registry'),
        ('1.7.2', True, 'mmcv 1.7.2.'),
        ('1.3.17', True, 'mmcv 1.3.17.'),
    ],
)
def test_other_mmcv(monkeypatch, version, registry, found):
    monkeypatch.setitem(sys.modules, 'mmcv', mmcv_of_version(version, registry))
    assert f'found: {found}' in error_text()


def test_mmcv_that_does_not_import(monkeypatch, tmp_path):
    (tmp_path / 'mmcv.py').write_text('import a_module_that_is_not_there')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'mmcv')
    assert "mmcv, which does not import (No module named 'a_module_that_is_not_there')" in error_text()


def test_other_mmhuman3d(monkeypatch, tmp_path):
    (tmp_path / 'mmhuman3d').mkdir()
    (tmp_path / 'mmhuman3d' / '__init__.py').write_text("raise AssertionError('not to be imported')")
    (tmp_path / 'mmhuman3d' / 'version.py').write_text("__version__ = '0.8.0'")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'mmhuman3d', raising=False)
    assert 'found: mmhuman3d 0.8.0.' in error_text()


def test_the_package_itself_gives_the_error(run_python, tmp_path):
    (tmp_path / 'mmcv').mkdir()
    (tmp_path / 'mmcv' / '__init__.py').write_text("from . import utils\n__version__ = '2.2.0'")
    (tmp_path / 'mmcv' / 'utils.py').write_text('')
    error = run_python('import glot_plugin.framework', path=tmp_path, status=1)
    last = error[error.index('ImportError') :]
    assert 'mmcv 2.2.0' in last
    assert all(command in last for command in COMMANDS)
    assert 'During handling' not in error
