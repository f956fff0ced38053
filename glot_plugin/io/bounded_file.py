"""Reading files that may lie about their contents: every length that a file announces is checked against its size.

Memory is allocated for what can follow in the file, never for what the file claims. Compressed data may expand to
`UNFOLDED_BYTES` plus `UNFOLDED_RATIO` times its stored size, a hundred times what features or keypoints ever reach.
"""

from typing import BinaryIO

UNFOLDED_BYTES = 64 * 2**20
UNFOLDED_RATIO = 100
FREE_STEPS = 2**22  # a database with two million names takes four million steps, besides gigabytes of numbers


def unfolded_limit(stored_bytes: int) -> int:
    """The maximum size that `stored_bytes` of compressed data may expand to."""
    return UNFOLDED_BYTES + UNFOLDED_RATIO * stored_bytes


class BoundedFile:
    """A binary file with a limit on how much is read from it.

    Args:
        file: Open for reading, at the first byte that counts.
        num_bytes: The most that can follow: the rest of a plain file, `unfolded_limit` of a compressed one.
        stored_bytes: The file's size on disk, by default `num_bytes`. It limits the number of steps: reads of a single
            byte, at least one for each object in a pickle.

    Attributes:
        num_bytes: See above.
        left: How much of `num_bytes` has not been read yet.
    """

    def __init__(self, file: BinaryIO, num_bytes: int, stored_bytes: int | None = None) -> None:
        self.num_bytes = self.left = num_bytes
        self._file = file
        self._steps = FREE_STEPS + (num_bytes if stored_bytes is None else stored_bytes) // 8

    def read(self, size: int) -> bytes:
        """Read exactly `size` bytes.

        Raises:
            EOFError: Fewer are left.
        """
        if size == 1:
            self._steps -= 1
            if self._steps < 0:
                raise EOFError('more objects than a file of this length has')
        self._take(size)
        data = self._file.read(size)
        if len(data) != size:
            raise EOFError(f'truncated: {len(data)} bytes left of {size}')
        return data

    def readinto(self, buffer: memoryview | bytearray) -> int:
        """Fill `buffer`, whose length was compared with `left` before it was allocated."""
        self._take(len(buffer))
        rest = memoryview(buffer)
        while rest:
            count = self._file.readinto(rest)
            if not count:
                raise EOFError(f'truncated: {len(buffer) - len(rest)} bytes left of {len(buffer)}')
            rest = rest[count:]
        return len(buffer)

    def readline(self) -> bytes:
        """Read a line, including its newline."""
        line = self._file.readline(self.left)
        self.left -= len(line)
        if not line.endswith(b'\n'):
            raise EOFError('truncated: a line without an end')
        return line

    def skip(self, size: int) -> int:
        """Skip `size` bytes of a plain file; returns their offset in the file."""
        self._take(size)
        start = self._file.tell()
        self._file.seek(size, 1)
        return start

    def _take(self, size: int) -> None:
        if size > self.left:
            raise EOFError(f'truncated: {size} bytes are announced where at most {self.left} can follow')
        self.left -= size
