"""A compressed stream as a file, decompressed piece by piece, for any method."""

import io
from typing import BinaryIO, Protocol

_PIECE_BYTES = 2**18


class Decompressor(Protocol):
    """The common interface of zlib's, bz2's and lzma's decompressors."""

    eof: bool

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class DecompressedFile(io.RawIOBase):
    """The decompressed contents of a stream with one compressed member.

    Args:
        file: The compressed bytes.
        decompressor: `zlib.decompressobj()`, a `bz2.BZ2Decompressor` or an `lzma.LZMADecompressor`.
    """

    def __init__(self, file: BinaryIO, decompressor: Decompressor) -> None:
        self._file, self._decompressor = file, decompressor

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        while not self._decompressor.eof:
            data = self._next_input()
            out = self._decompressor.decompress(data or b'', len(buffer))
            if out:
                buffer[: len(out)] = out
                return len(out)
            if data == b'' and not self._decompressor.eof:
                raise EOFError('the compressed stream ends too early')
        return 0

    def _next_input(self) -> bytes | None:
        """The next bytes, b'' at the end; None: the decompressor still has input (zlib hands its rest back)."""
        if not getattr(self._decompressor, 'needs_input', True):
            return None
        return getattr(self._decompressor, 'unconsumed_tail', b'') or self._file.read(_PIECE_BYTES)
