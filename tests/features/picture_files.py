"""Small generated pictures, boxes and networks."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np

FIELDS = ('frame', 'track', 'cx', 'cy', 'w', 'h')


def random_picture(seed: int, height: int = 60, width: int = 80) -> np.ndarray:
    """(H, W, 3) uint8: smooth, so that nothing hangs on single pixels."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def write_frames(folder: Path, tracks: dict[str, int]) -> list[tuple]:
    """Pictures `NAME/000000.png`, … of each track; returns the rows of boxes."""
    rows = []
    for number, (name, length) in enumerate(tracks.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for frame in range(length):
            path = f'{name}/{frame:06d}.png'
            cv2.imwrite(str(folder / path), random_picture(100 * number + frame))
            rows.append((path, name, 38 + frame, 30, 20 + number, 40))
    return rows


def write_csv(path: Path, rows: list[tuple], fields: tuple[str, ...] = FIELDS) -> Path:
    with path.open('w', newline='') as file:
        csv.writer(file).writerows([fields, *rows])
    return path


def write_json(path: Path, rows: list[tuple]) -> Path:
    path.write_text(json.dumps([dict(zip(FIELDS, row, strict=True)) for row in rows]))
    return path


def write_video(path: Path, num_frames: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (80, 60))
    for frame in range(num_frames):
        writer.write(random_picture(frame))
    writer.release()
    return path
