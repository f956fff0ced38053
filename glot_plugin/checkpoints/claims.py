"""Checks a checkpoint's claims against the file's size, before torch allocates memory for it.

torch reads pickles with its own unpickler, which runs no code but trusts the file about the size of tensors, calls such
as `bytearray(10 ** 12)`, and keys that take years to hash. Here the pickle is read without its tensors: placeholders
replace what it names, and the sizes it claims are added up. Which names are allowed is left to torch.
"""

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from pickle import BUILD, UnpicklingError
from typing import Any, BinaryIO

from glot_plugin.io.bounded_file import BoundedFile
from glot_plugin.io.messages import brief
from glot_plugin.io.pickled_arrays import PLACEHOLDERS, Builder, Placeholder, checked_shape
from glot_plugin.io.safe_pickle import ArrayUnpickler

_ITEMSIZES = {
    **dict.fromkeys(('UntypedStorage', 'ByteStorage', 'CharStorage', 'BoolStorage'), 1),
    **dict.fromkeys(('HalfStorage', 'BFloat16Storage', 'ShortStorage'), 2),
    **dict.fromkeys(('FloatStorage', 'IntStorage'), 4),
    **dict.fromkeys(('DoubleStorage', 'LongStorage', 'ComplexFloatStorage'), 8),
    'ComplexDoubleStorage': 16,
}
_LEGACY_PICKLES = 4  # before torch 1.6: a magic number, the protocol, the sizes of C types, and the checkpoint


@dataclass(frozen=True)
class _StorageType:
    itemsize: int


@dataclass(frozen=True)
class _Claim:
    """A storage or a tensor."""

    nbytes: int
    itemsize: int


class _Other(Placeholder):
    """Any other name, called only with strings and flags, as `torch.device` is; numbers could be a size."""

    def build(self, build: Builder) -> None:
        if not all(isinstance(arg, str | float | bool | None) for arg in self.args):
            raise UnpicklingError('a call of something that does not make a tensor')
        build(self.state)


class _Tensor(Placeholder):
    """`_rebuild_tensor` and its second version: a storage, and the tensor's place in it."""

    def build(self, build: Builder) -> _Claim:
        storage, offset, size, stride = (build(arg) for arg in self.args[:4])
        size, stride = checked_shape(size), checked_shape((*stride, offset))
        build((*self.args[4:],))
        last = stride[-1] + sum((length - 1) * step for length, step in zip(size, stride[:-1], strict=True))
        if not isinstance(storage, _Claim) or (0 not in size and (last + 1) * storage.itemsize > storage.nbytes):
            raise UnpicklingError(f'a tensor {brief(size)} in {brief(storage)}')
        num_bytes = math.prod(size) * storage.itemsize
        build.take(num_bytes, f'a tensor {brief(size)}')
        return _Claim(num_bytes, storage.itemsize)


class _Parameter(Placeholder):
    """`_rebuild_parameter`, called with a tensor."""

    def build(self, build: Builder) -> _Claim:
        return build(self.args)[0]


class _Size(Placeholder):
    """`torch.Size`, called with a tuple."""

    def build(self, build: Builder) -> tuple[int, ...]:
        return checked_shape(tuple(*build(self.args)))


_NAMES = {
    **PLACEHOLDERS,
    ('torch', 'Size'): _Size,
    ('torch._utils', '_rebuild_tensor'): _Tensor,
    ('torch._utils', '_rebuild_tensor_v2'): _Tensor,
    ('torch._utils', '_rebuild_parameter'): _Parameter,
}


class _ClaimsBuilder(Builder):
    def _build(self, value: Any) -> Any:
        return None if value is _Other else super()._build(value)  # the name of a type, for example torch.float32


class _ClaimsUnpickler(ArrayUnpickler):
    """Reads the pickle of a checkpoint without its tensors.

    Attributes:
        storages: Bytes of each storage that the pickle names, by key.
    """

    dispatch = ArrayUnpickler.dispatch.copy()

    def __init__(self, file: BoundedFile, name: str) -> None:
        super().__init__(file, name)
        self.storages: dict[str, int] = {}
        self._attributes: list = []

    def check(self, builder: Builder) -> None:
        builder([self.load(), self._attributes])

    def find_class(self, module: str, name: str) -> Any:
        if name.endswith('Storage') and module.partition('.')[0] == 'torch':
            return _StorageType(_ITEMSIZES[name])
        return _NAMES.get((module, name), _Other)

    def load_build(self) -> None:
        """As in any pickle; state dicts have attributes too."""
        if type(self.stack[-2]) is dict:
            self._attributes.append(self.stack.pop())
        else:
            super().load_build()

    dispatch[BUILD[0]] = load_build

    def persistent_load(self, pid: Any) -> _Claim:
        """A storage: the word 'storage', type, key, device, number of elements and, in old files, the view."""
        if not isinstance(pid, tuple) or len(pid) not in (5, 6) or not isinstance(pid[1], _StorageType):
            raise UnpicklingError(f'a storage {brief(pid)}')
        kind, key, (count,) = pid[1], pid[2], checked_shape((pid[4],))
        if not isinstance(key, str) or self.storages.setdefault(key, count * kind.itemsize) != count * kind.itemsize:
            raise UnpicklingError(f'a storage with the key {brief(key)}, or one of two sizes')
        if len(pid) == 6 and pid[5] is not None:
            count, offset = checked_shape((pid[5][2], pid[5][1])) if len(pid[5]) == 3 else (0, 0)
            if (offset + count) * kind.itemsize > self.storages[key]:
                raise UnpicklingError('a view that is larger than its storage')
        return _Claim(count * kind.itemsize, kind.itemsize)


def check_claims(path: Path) -> None:
    """Check that a file written by `torch.save` contains what it claims, in either of torch's two layouts.

    Raises:
        Exception: It does not; damaged files raise whatever zipfile and pickle raise.
    """
    num_bytes = path.stat().st_size
    with path.open('rb') as file:
        if file.read(2) == b'PK':
            _check_archive(file, str(path), num_bytes)
        else:
            file.seek(0)
            _check_legacy(file, str(path), num_bytes)


def _check_archive(file: BinaryIO, name: str, num_bytes: int) -> None:
    """torch's layout since 1.6: an uncompressed zip with the pickle and one member per storage."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        sizes = {info.filename: info.file_size for info in members}
        plain = all(info.compress_type == 0 and info.compress_size == info.file_size for info in members)
        if not plain or len(sizes) != len(members) or sum(sizes.values()) > num_bytes or archive.comment:
            raise UnpicklingError('a zip that torch.save never writes: compressed, with a comment, or a name twice')
        pickles = [member for member in sizes if member.endswith('/data.pkl')]
        if len(pickles) != 1 or min(info.header_offset for info in members) != 0:
            raise UnpicklingError(f'a zip with {len(pickles)} members data.pkl, expected one')
        with archive.open(pickles[0]) as pickled:
            unpickler = _ClaimsUnpickler(BoundedFile(pickled, sizes[pickles[0]]), name)
            unpickler.check(_ClaimsBuilder(num_bytes))
        root = pickles[0].removesuffix('data.pkl')
        for key, size in unpickler.storages.items():
            if sizes.get(f'{root}data/{key}') != size:
                raise UnpicklingError(f'a storage of {size} bytes, found {sizes.get(f"{root}data/{key}", "none")}')


def _check_legacy(file: BinaryIO, name: str, num_bytes: int) -> None:
    bounded = BoundedFile(file, num_bytes)
    for _ in range(_LEGACY_PICKLES):
        unpickler = _ClaimsUnpickler(bounded, name)
        unpickler.check(_ClaimsBuilder(num_bytes))
    if sum(unpickler.storages.values()) > bounded.left:
        raise UnpicklingError(f'storages of {sum(unpickler.storages.values())} bytes, found {bounded.left}')
