"""Pickles whose arrays are forged are refused before an array is made; honest ones of any age give the same values."""

import pickle
import re
import sys
import types

import numpy as np
import pytest
from scipy import sparse

from glot_plugin.errors import InputError
from glot_plugin.io.pickled_arrays import PLACEHOLDERS, Placeholder
from glot_plugin.io.safe_pickle import loads_pickled_arrays

RECONSTRUCT = np.empty(0).__reduce__()[0]
SCALAR = np.float64(0).__reduce__()[0]
FROM_BUFFER = np.zeros(1).__reduce_ex__(5)[0]
POINTER = b'A' * 8
RECORD = np.dtype([('pointer', 'O')])


class Forged:
    """Pickled as a call, and a state that is set afterwards."""

    def __init__(self, function, args, state=None):
        self.parts = (function, args, state)

    def __reduce__(self):
        return self.parts


def array(shape, dtype, data, column_major=False):
    return Forged(RECONSTRUCT, (np.ndarray, (0,), b'b'), (1, shape, np.dtype(dtype), column_major, data))


def body(value):
    """A pickle without its first and last opcode."""
    return pickle.dumps(value, 3)[2:-1]


def holding_itself():
    forged = array((1,), 'O', [])
    forged.parts[2][-1].append(forged)
    return forged


FORGED = {
    'array of pointers': Forged(np.ndarray, ((1,), np.dtype('O'), POINTER)),
    'objects from bytes': array((1,), 'O', POINTER),
    'records of objects': array((1,), RECORD, POINTER),
    'buffer of records': Forged(FROM_BUFFER, (POINTER, RECORD, (1,), 'C')),
    'buffer of objects': Forged(FROM_BUFFER, (POINTER, np.dtype('O'), (1,), 'C')),
    'scalar of pointers': Forged(SCALAR, (np.dtype('O'), POINTER)),
    'scalar record': Forged(SCALAR, (RECORD, POINTER)),
    'numbers from objects': array((1,), 'f8', ['text']),
    'too few bytes': array((1000,), 'f8', POINTER),
    'too many bytes': array((1,), 'f4', POINTER),
    'too few objects': array((3,), 'O', [1]),
    'huge': array((2**62, 8), 'f8', b''),
    'huge and empty': array((0, 2**62, 2**62), 'f8', b''),
    'huge text of no size': Forged(FROM_BUFFER, (b'', Forged(np.dtype, ('S0',)), (2**50,), 'C')),
    'negative shape': array((-1, -8), 'u1', POINTER),
    'shape of texts': array(('1',), 'f8', POINTER),
    'shape of shapes': Forged(FROM_BUFFER, (POINTER, np.dtype('f8'), [1], 'C')),
    'subarray': Forged(np.dtype, ('f8',), (3, '<', (np.dtype('O'), (1,)), None, None, 8, 1, 0)),
    'date': np.array(['2020-01-01'], 'M8[D]'),
    'no contents': Forged(RECONSTRUCT, (np.ndarray, (0,), b'b')),
    'in itself': holding_itself(),
    'a class as a value': np.ndarray,
}


@pytest.mark.parametrize('forged', FORGED.values(), ids=FORGED)
def test_forged_arrays_are_refused(forged):
    with pytest.raises(InputError, match='x: not a valid pickle'):
        loads_pickled_arrays(pickle.dumps({'pose': forged}), 'x')


@pytest.mark.parametrize('code', ['V8', 'f8'])
def test_a_type_that_is_changed_when_it_is_in_use(code):
    """From plain bytes to a pointer."""
    dtype = b'cnumpy\ndtype\n' + body((code,)) + b'Rq\x63'
    made = b'cnumpy.core.numeric\n_frombuffer\n(' + body(POINTER) + b'h\x63' + body((1,)) + body('C') + b'tR'
    fields = (3, '|', None, ('f0',), {'f0': (np.dtype('O'), 0)}, 8, 1, 63)
    with pytest.raises(InputError, match=f"type '{code}', expected plain numbers"):
        loads_pickled_arrays(b'\x80\x03' + dtype + b'0' + made + b'h\x63' + body(fields) + b'b0.', 'x')


def tampered(kind, **state):
    matrix = getattr(sparse, f'{kind}_matrix')(np.eye(3, 5))
    vars(matrix).update({key: value if isinstance(value, tuple) else np.array(value) for key, value in state.items()})
    return matrix


FORGED_SPARSE = {
    'rows beyond': (tampered('csc', indices=[0, 1, 2**30]), 'outside its shape'),
    'columns beyond': (tampered('csr', indices=[0, 1, 5]), 'outside its shape'),
    'negative': (tampered('csc', indices=[0, 1, -1]), 'outside its shape'),
    'too many columns': (tampered('csc', indptr=[0, 0, 0, 0, 0, 0, 3]), 'outside its shape'),
    'coordinates beyond': (tampered('coo', coords=(np.array([2**30]), np.array([0])), data=[1.0]), 'outside its shape'),
    'more indices than there are': (tampered('csc', indptr=[0, 1, 2, 3, 3, 2**40]), 'indptr'),
    'descending': (tampered('csc', indptr=[0, 2, 1, 3, 3, 3]), 'indptr'),
    'differences that overflow': (tampered('csc', indptr=[0, 1, -(2**63), -(2**62), 3, 3]), 'indptr'),
    'not from the start': (tampered('csr', indptr=[1, 1, 2, 3]), 'indptr'),
    'fewer values': (tampered('csc', data=[1.0]), '1 values'),
    'objects': (tampered('csc', data=np.array([[], None, 1], dtype=object)), 'vectors of numbers'),
    'fractions': (tampered('csc', indices=[0.0, 1.0, 2.0]), 'vectors of numbers'),
    'huge': (tampered('csc', _shape=(2**40, 2**40)), 'more than a file of this length has'),
    'another rank': (tampered('csc', _shape=(3, 5, 1)), 'two dimensions'),
}


@pytest.mark.parametrize(('forged', 'message'), FORGED_SPARSE.values(), ids=FORGED_SPARSE)
def test_forged_sparse_matrices_are_refused(forged, message):
    with pytest.raises(InputError, match=f'x: .*{message}'):
        loads_pickled_arrays(pickle.dumps({'J_regressor': forged}), 'x')


@pytest.mark.parametrize('name', PLACEHOLDERS, ids='.'.join)
def test_what_a_pickle_names_cannot_be_changed(name):
    """BUILD sets attributes of whatever it finds; here it would replace a method for the whole process."""
    placeholder = PLACEHOLDERS[name]
    before = dict(vars(placeholder))
    for attribute in ('build', '__new__', '__setstate__', 'args'):
        for state in ({attribute: 1}, (None, {attribute: 1})):
            with pytest.raises(InputError):
                loads_pickled_arrays(b'\x80\x03c' + '\n'.join(name).encode() + b'\n' + body(state) + b'b.', 'x')
    assert dict(vars(placeholder)) == before


def test_attributes_of_placeholders_cannot_be_set():
    """Not with protocol 2's pair of states either: this is an array whose method is replaced."""
    made = Forged(
        RECONSTRUCT, (np.ndarray, (0,), b'b'), (None, {'build': 1, 'state': (1, (), np.dtype('f8'), 0, POINTER)})
    )
    with pytest.raises(InputError, match='without contents'):
        loads_pickled_arrays(pickle.dumps(made), 'x')
    assert all(issubclass(placeholder, Placeholder) for placeholder in PLACEHOLDERS.values())


def test_other_codecs_are_refused():
    with pytest.raises(InputError, match="the codec 'zlib'"):
        loads_pickled_arrays(b'c_codecs\nencode\n' + body(('text', 'zlib')) + b'R.', 'x')


ARRAYS = {
    'floats': np.random.default_rng(0).normal(size=(3, 4)),
    'column-major': np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    'big-endian': np.arange(3, dtype='>f4'),
    'bool': np.array([True, False]),
    'half': np.arange(3, dtype=np.float16),
    'zero-dimensional': np.array(7),
    'empty': np.zeros((0, 3)),
    'texts': np.array(['a', 'bäc']),
    'bytes': np.array([b'a', b'bc\xff']),
    'objects of objects': np.array([[1, 'two'], [None, (3,)]], dtype=object),
    'a dict': np.array({'gender': ['m', 'f']}, dtype=object),
}


@pytest.mark.parametrize('core', [b'numpy.core', b'numpy._core'], ids=['numpy 1', 'numpy 2'])
@pytest.mark.parametrize('protocol', range(4))
def test_arrays_of_numpy_1_and_2(protocol, core):
    data = re.sub(rb'numpy\._?core', core, pickle.dumps(ARRAYS, protocol))
    loaded = loads_pickled_arrays(data, 'x')
    for key, expected in ARRAYS.items():
        np.testing.assert_array_equal(loaded[key], expected, err_msg=key)
        assert loaded[key].dtype == expected.dtype.newbyteorder('=')
        assert loaded[key].flags.writeable


@pytest.mark.parametrize('protocol', [4, 5])
def test_arrays_of_late_protocols(protocol):
    loaded = loads_pickled_arrays(pickle.dumps(ARRAYS, protocol), 'x')
    for key, expected in ARRAYS.items():
        np.testing.assert_array_equal(loaded[key], expected, err_msg=key)


@pytest.mark.parametrize('protocol', range(6))
def test_numbers_and_texts(protocol):
    values = [np.float32(1.5), np.int64(-3), np.bool_(True), np.str_('äb'), np.str_(''), np.bytes_(b'x')]
    loaded = loads_pickled_arrays(pickle.dumps([values, {np.int64(2): 'two'}], protocol), 'x')
    assert loaded == [values, {2: 'two'}]
    assert [type(item) for item in loaded[0]] == [type(item) for item in values]


def test_python_2_wrote_bytes_as_text():
    values = np.array([0.1, -2.5, 1e300])
    data = b'S' + repr(values.tobytes())[1:].encode()
    made = b"(dp0\nS'betas'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntS'b'\ntRp4\n"
    state = b"(I1\n(L3L\ntcnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n" + data + b'\ntbs.'
    np.testing.assert_array_equal(loads_pickled_arrays(made + state, 'x')['betas'], values)


def test_one_array_in_several_places_stays_one():
    values = np.arange(3)
    first, (second,) = loads_pickled_arrays(pickle.dumps([values, (values,)]), 'x')
    assert first is second


@pytest.mark.parametrize('kind', ['csc_matrix', 'csr_matrix', 'coo_matrix', 'csc_array', 'csr_array', 'coo_array'])
@pytest.mark.parametrize('protocol', range(6))
def test_sparse_matrices_become_arrays(kind, protocol):
    dense = np.where(np.random.default_rng(0).random((7, 11)) < 0.3, 2.5, 0)
    matrix = getattr(sparse, kind)(dense)
    np.testing.assert_array_equal(loads_pickled_arrays(pickle.dumps(matrix, protocol), 'x'), dense)


@pytest.mark.parametrize('shape_key', ['shape', '_shape'])
@pytest.mark.parametrize('protocol', range(3))
def test_sparse_matrices_of_old_scipy(monkeypatch, protocol, shape_key):
    """As in the official SMPL files: other module names, `shape`, `format`, and room behind the values."""
    module = types.ModuleType('scipy.sparse.csc')
    module.csc_matrix = type('csc_matrix', (), {'__module__': module.__name__})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    expected = sparse.csc_matrix(np.triu(np.ones((4, 6))))
    old = module.csc_matrix()
    old.data, old.indices = np.append(expected.data, 9), np.append(expected.indices, 9)
    old.indptr, old.maxprint, old.format, old._has_sorted_indices = expected.indptr, 50, 'csc', True
    setattr(old, shape_key, (4, 6))
    data = pickle.dumps(old, protocol)
    assert b'scipy.sparse.csc\ncsc_matrix' in data
    np.testing.assert_array_equal(loads_pickled_arrays(data, 'x'), expected.toarray())
