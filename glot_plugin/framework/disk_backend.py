"""Writing mmcv's files so that each appears only when it is complete and on the disk."""

from pathlib import Path

from mmcv.fileio import FileClient
from mmcv.fileio.file_client import HardDiskBackend

from glot_plugin.io.files import write_bytes


class AtomicBackend(HardDiskBackend):
    """The backend that mmcv's runner writes checkpoints with; a kill or a full disk leaves no partial file."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        write_bytes(filepath, obj)


def write_whole_files() -> None:
    """Make mmcv write its files with `AtomicBackend`; its checkpoints offer no other way to choose a backend."""
    FileClient.register_backend('disk', AtomicBackend, force=True)
