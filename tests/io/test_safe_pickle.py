import os
import pickle
import sys
import types

import numpy as np
import pytest
from scipy import sparse

from glot_plugin.errors import InputError
from glot_plugin.io.safe_pickle import load_pickled_arrays


@pytest.fixture
def chumpy(monkeypatch):
    """Placeholders for chumpy's classes, so that pickles can be written that name them."""
    ch, reordering = types.ModuleType('chumpy.ch'), types.ModuleType('chumpy.reordering')
    ch.Ch = type('Ch', (), {'__module__': 'chumpy.ch'})
    reordering.Select = type('Select', (), {'__module__': 'chumpy.reordering'})
    modules = {'chumpy': types.ModuleType('chumpy'), 'chumpy.ch': ch, 'chumpy.reordering': reordering}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return ch.Ch, reordering.Select


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_every_protocol(tmp_path, protocol):
    values = {
        'floats': np.random.rand(3, 4),
        'names': np.array(['a', 'bc']),
        'objects': np.array([np.arange(3), None], dtype=object),
        'sparse': sparse.csc_matrix(np.eye(3)),
        'scalar': np.float32(1.5),
        'bytes': b'raw',
        'list': [1, 'two', (3,)],
    }
    path = tmp_path / 'data.pkl'
    path.write_bytes(pickle.dumps(values, protocol))
    loaded = load_pickled_arrays(path)
    np.testing.assert_array_equal(loaded['floats'], values['floats'])
    assert loaded['names'].tolist() == ['a', 'bc']
    np.testing.assert_array_equal(loaded['objects'][0], np.arange(3))
    np.testing.assert_array_equal(loaded['sparse'], np.eye(3))
    assert loaded['scalar'] == 1.5
    assert loaded['list'] == [1, 'two', (3,)]


@pytest.mark.parametrize('protocol', [0, 1, 2])
def test_chumpy_arrays_without_chumpy(tmp_path, chumpy, monkeypatch, protocol):
    ch_class, select_class = chumpy
    array = ch_class()
    array.x = np.arange(6.0).reshape(2, 3)
    selection = select_class()
    selection.a, selection.idxs, selection.preferred_shape = array, np.array([5, 0]), (2, 1)
    path = tmp_path / 'smpl.pkl'
    path.write_bytes(pickle.dumps({'v_template': array, 'shapedirs': selection}, protocol))
    for name in ('chumpy', 'chumpy.ch', 'chumpy.reordering'):
        monkeypatch.delitem(sys.modules, name)
    loaded = load_pickled_arrays(path)
    np.testing.assert_array_equal(loaded['v_template'], np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(loaded['shapedirs'], [[5.0], [0.0]])


class Hostile:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('function', [os.system, eval, os.remove])
def test_code_is_refused_by_name_and_not_run(tmp_path, function):
    victim = tmp_path / 'victim'
    victim.touch()
    command = {os.system: f'rm {victim}', eval: f'__import__("os").remove("{victim}")', os.remove: str(victim)}
    path = tmp_path / 'hostile.pkl'
    path.write_bytes(pickle.dumps({'pose': Hostile(function, command[function])}))
    with pytest.raises(InputError, match=rf'hostile.pkl: refused to load \w+\.{function.__name__}'):
        load_pickled_arrays(path)
    assert victim.exists()


def test_truncated_and_absent(tmp_path):
    path = tmp_path / 'data.pkl'
    path.write_bytes(pickle.dumps(np.zeros(100))[:50])
    with pytest.raises(InputError, match='data.pkl: not a valid pickle'):
        load_pickled_arrays(path)
    with pytest.raises(InputError, match='no such file'):
        load_pickled_arrays(tmp_path / 'absent.pkl')


def test_a_list_that_many_names_share_is_read_and_one_that_would_take_years_is_not(tmp_path):
    path, shared = tmp_path / 'data.pkl', ['a', 'b']
    path.write_bytes(pickle.dumps({'people': [shared] * 1000, 'sizes': [(1, 2)] * 1000}))
    assert load_pickled_arrays(path) == {'people': [shared] * 1000, 'sizes': [(1, 2)] * 1000}
    for _ in range(40):
        shared = [shared, shared]
    path.write_bytes(pickle.dumps({'people': shared}))
    with pytest.raises(InputError, match='data.pkl: .*values that hold one another again and again'):
        load_pickled_arrays(path)
