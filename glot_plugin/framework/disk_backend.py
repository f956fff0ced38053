"""mmcv's files on the local disk, which appear only when they are whole and on the disk."""

from pathlib import Path

from mmcv.fileio import FileClient
from mmcv.fileio.file_client import HardDiskBackend

from glot_plugin.io.files import write_bytes


class AtomicBackend(HardDiskBackend):
    """What mmcv's runner writes checkpoints with; a kill or a full disk leaves no half one."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        write_bytes(filepath, obj)


def write_whole_files() -> None:
    """Let mmcv write its files through `AtomicBackend`; its checkpoints take no other way to name a backend."""
    FileClient.register_backend('disk', AtomicBackend, force=True)
