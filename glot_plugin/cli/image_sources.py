"""Opening the pictures that a path on the command line refers to."""

from pathlib import Path

from glot_plugin.errors import InputError
from glot_plugin.features.image_tracks import ImageSource
from glot_plugin.features.sources import FolderSource, VideoSource


def open_source(path: str | Path, boxes: str | Path | None = None, image_root: str | Path | None = None) -> ImageSource:
    """The source at a path: a folder of frames, a HumanData `.npz`, or a video.

    Args:
        path: Folder, `.npz` or video.
        boxes: File of boxes, required for a folder; for a video, None means the full frames.
        image_root: Folder of the pictures of a HumanData file; by default the file's own folder.

    Raises:
        InputError: The path does not exist, or an argument does not apply to it.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f'{path}: no such folder of frames, HumanData .npz or video')
    is_human_data = path.suffix == '.npz'
    if boxes is not None and not Path(boxes).is_file():
        raise InputError(f'--boxes {boxes}: no such file; expected a .csv or .json of boxes')
    if boxes is not None and is_human_data:
        raise InputError(f'--boxes {boxes}: a HumanData file contains its boxes (bbox_xywh); leave out --boxes')
    if image_root is not None and not is_human_data:
        raise InputError(f'--image-root {image_root}: only for HumanData files, and {path} is not one')
    if path.is_dir():
        if boxes is None:
            raise InputError(f'{path}: a folder of frames needs --boxes FILE, a .csv or .json of boxes')
        return FolderSource(path, Path(boxes))
    if is_human_data:
        try:
            from glot_plugin.framework.human_data_images import HumanDataSource
        except ImportError as error:
            raise InputError(f'{path}: {error}') from error
        return HumanDataSource(path, path.parent if image_root is None else Path(image_root))
    return VideoSource(path, None if boxes is None else Path(boxes))
