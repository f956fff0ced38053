"""Seeded damage to files: of their bytes as they are, and of what lies inside archives and compressed streams."""

import io
import pickletools
import random
import zipfile
import zlib
from collections.abc import Callable

Damage = Callable[[bytes, random.Random, list[bytes]], bytes]

SIZES = (0, 1, 0x7F, 0xFF, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 10**8, 10**12, 2**62, 2**64 - 1)
OPCODES = [opcode.code.encode('latin1') for opcode in pickletools.opcodes]
GLOBALS = (
    b'cos\nmkdir\n', b'cbuiltins\nexec\n', b'cbuiltins\nbytearray\n', b'cnumpy\ndtype\n', b'cnumpy\nndarray\n',
    b'ctorch\nTensor\n', b'cnumpy.core.multiarray\n_reconstruct\n', b'ccollections\nOrderedDict\n',
    b'ctorch._utils\n_rebuild_tensor_v2\n', b'c_codecs\nencode\n', b'cscipy.sparse.csc\ncsc_matrix\n',
    b'cjoblib.numpy_pickle\nNumpyArrayWrapper\n', b'cchumpy.ch\nCh\n',
)  # fmt: skip
TEXTS = (b'nan', b'-1', b'1e999', b'[[[[', b'null', b'{}', b'""', b'\xff\xfe', b'\x00', b'9' * 400, b"'O'", b'True')


def flip_bits(data: bytes, rng: random.Random, _: list[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncate(data: bytes, rng: random.Random, _: list[bytes]) -> bytes:
    return data[: rng.randrange(len(data))]


def splice(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """A piece of another file, or of the same, somewhere in this one."""
    source = rng.choice([*others, data])
    start, place = rng.randrange(len(source)), rng.randrange(len(data))
    piece = source[start : start + rng.randint(1, 400)]
    return data[:place] + piece + data[place + rng.choice([0, len(piece)]) :]


def put_size(data: bytes, rng: random.Random, _: list[bytes]) -> bytes:
    """A large or an odd number over one that may be a size."""
    width = rng.choice([1, 2, 4, 8])
    number = (rng.choice(SIZES) % 256**width).to_bytes(width, rng.choice(['little', 'big']))
    place = rng.randrange(len(data))
    return data[:place] + number + data[place + width :]


def put_words(data: bytes, rng: random.Random, _: list[bytes]) -> bytes:
    """Opcodes of pickles, names, and what is no number."""
    words = b''.join(rng.choice([*OPCODES, *GLOBALS, *TEXTS]) for _ in range(rng.randint(1, 4)))
    place = rng.randrange(len(data))
    return data[:place] + words + data[place + rng.choice([0, len(words)]) :]


def change_digits(data: bytes, rng: random.Random, _: list[bytes]) -> bytes:
    """Another number in the place of digits, in headers and in text."""
    places = [place for place, byte in enumerate(data) if 48 <= byte < 58]
    if not places:
        return truncate(data, rng, _)
    place = rng.choice(places)
    return data[:place] + str(rng.choice(SIZES)).encode() + data[place + 1 :]


OF_BYTES = (flip_bits, truncate, splice, put_size, put_words, change_digits)


def of_bytes(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    for _ in range(rng.choice([1, 1, 2, 3])):
        data = rng.choice(OF_BYTES)(data or b'\0', rng, others)
    return data


def mutated(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """A damaged copy; every other time of an archive or a zlib stream, with the damage inside."""
    if rng.random() < 0.5:
        if zipfile.is_zipfile(io.BytesIO(data)):
            return _inside_zip(data, rng, others)
        if data[:1] == b'x':
            return zlib.compress(of_bytes(zlib.decompress(data), rng, others))
    return of_bytes(data, rng, others)


def _inside_zip(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    place = rng.randrange(len(members))
    if rng.random() < 0.1:
        del members[place]
    else:
        members[place] = members[place][0], of_bytes(members[place][1] or b'\0', rng, others)
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as archive:
        for info, content in members:
            archive.writestr(info.filename, content, info.compress_type)
    return out.getvalue()
