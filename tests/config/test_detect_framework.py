"""Which framework a config is written for, and what happens without mmhuman3d."""

import pytest

from glot_plugin.cli.mmhuman3d_configs import refuse_options
from glot_plugin.config.detect_framework import detect_framework
from glot_plugin.errors import InputError


@pytest.mark.parametrize(
    ('text', 'framework'),
    [
        ("train_dataloader = dict()\nmodel = dict(type='X')", 'mmengine'),
        ('test_sets = dict()', 'mmengine'),
        ("data = dict(train=dict())\nrunner = dict(type='EpochBasedRunner', max_epochs=1)", 'mmhuman3d'),
        ('total_epochs = 3', 'mmhuman3d'),
        # nothing is imported to find out
        ("custom_imports = dict(imports=['a_module_that_is_not_there'])\ndata = dict()\nrunner = dict()", 'mmhuman3d'),
    ],
)
def test_framework_by_keys(tmp_path, text, framework):
    (tmp_path / 'config.py').write_text(text)
    assert detect_framework(tmp_path / 'config.py') == framework


def test_shipped_configs_have_their_framework(repository):
    folder = repository / 'configs' / 'glot'
    theirs = sorted(folder.glob('mmhuman3d/*.py'))
    assert [path.name for path in theirs] == ['glot.py', 'vibe.py', 'vibe_hscr.py']
    assert {detect_framework(path) for path in theirs} == {'mmhuman3d'}
    ours = [*folder.glob('*.py'), *folder.glob('mixed/*.py')]
    assert {detect_framework(path) for path in ours} == {'mmengine'}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ("model = dict(type='X')", 'found model; expected the keys of one framework'),
        ('train_dataloader = dict()\ndata = dict()', 'found train_dataloader and data; expected'),
        ('model = dict(', 'not a valid config'),
    ],
)
def test_neither_or_both_is_an_error(tmp_path, text, message):
    (tmp_path / 'config.py').write_text(text)
    with pytest.raises(InputError, match=message):
        detect_framework(tmp_path / 'config.py')


def test_no_config(tmp_path):
    with pytest.raises(InputError, match=r'nothing.py: no such config'):
        detect_framework(tmp_path / 'nothing.py')


def test_only_given_options_are_refused(tmp_path):
    refuse_options(tmp_path, {'--amp': (False, 'x'), '--out': (None, 'x')})
    with pytest.raises(InputError, match=r'--amp is not for mmhuman3d configs, and .* is one: because'):
        refuse_options(tmp_path, {'--amp': (True, 'because')})


def test_without_mmhuman3d_one_message_says_what_to_install(start_tool, repository, tmp_path):
    """mmcv is shadowed by one that is another framework; our own configs go on working."""
    (tmp_path / 'mmcv').mkdir()
    (tmp_path / 'mmcv' / '__init__.py').write_text("from . import utils\n__version__ = '2.2.0'")
    (tmp_path / 'mmcv' / 'utils.py').write_text('')
    config = repository / 'configs' / 'glot' / 'mmhuman3d' / 'vibe.py'
    done = start_tool('train', config, '--work-dir', tmp_path / 'run', path=(tmp_path,))
    assert done.status == 2, done.err
    assert 'mmcv 2.2.0' in done.err
    assert 'pip install --no-build-isolation mmcv==1.6.0' in done.err
    assert 'pip install --no-deps mmhuman3d==0.11.0' in done.err
    assert 'Traceback' not in done.err
