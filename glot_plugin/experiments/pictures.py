"""The pictures of an experiment: what a trained model predicts for a track, and how the training went."""

import json
from pathlib import Path

import numpy as np

from glot_plugin.datasets import TrackDataset
from glot_plugin.engine.inference import infer_track
from glot_plugin.evaluation.frame_errors import frame_errors, h36m14_joints
from glot_plugin.models import GLoTEstimator
from glot_plugin.visualisation import draw_mesh, draw_skeletons_over_time, draw_track_error, draw_training_curve

PICTURES = ('skeletons.png', 'track_error.png', 'training.png', 'mesh.png')


def draw_pictures(out: Path, model: GLoTEstimator, dataset: TrackDataset) -> None:
    """`PICTURES`: skeletons over time, error per frame, the training curve, and a predicted body as a mesh."""
    skeletons, track_error, training, mesh = (out / name for name in PICTURES)
    # The longest track of moderate length: enough to show motion, not more than fits into a picture.
    lengths = np.where(dataset.track_lengths <= 250, dataset.track_lengths, 0)
    item = dataset[int(lengths.argmax())]
    track = infer_track(model, item['features'])
    joints = h36m14_joints(model.body_model, track.rotmat, track.betas)
    frames = np.linspace(0, len(joints) - 1, 8).astype(int)
    name = f'{item["track_name"]}: predicted and true skeletons'
    draw_skeletons_over_time(joints, item['keypoints3d'], frames, skeletons, name)
    errors = frame_errors(joints, item['keypoints3d'])
    hidden = (item['keypoints2d'][..., 2] > 0).mean(-1) < 0.5
    draw_track_error(errors, track_error, f'{item["track_name"]}: error', hidden)
    logged = read_scalars(out)
    draw_training_curve(*logged['loss'], training, *logged['PA-MPJPE'])
    middle = len(joints) // 2
    draw_mesh(track.vertices()[middle], model.body_model.faces, mesh, y_down=True)


def read_scalars(work_dir: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Steps and values of the logged loss and PA-MPJPE over all runs in a work folder."""
    points: dict[str, dict[int, float]] = {'loss': {}, 'PA-MPJPE': {}}
    for file in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in file.read_text().splitlines():
            record = json.loads(line)
            for name in points:
                if name in record:
                    points[name][record['step']] = record[name]
    return {
        name: (np.array(sorted(values)), np.array([values[step] for step in sorted(values)]))
        for name, values in points.items()
    }
