"""The demonstration: from nothing to a trained GLoT, a table and pictures, on the embedded data set."""

import json
from pathlib import Path

import numpy as np
from mmengine import Config

from glot_plugin.apis import infer_track, init_model
from glot_plugin.body_model.smpl_files import load_mean_params
from glot_plugin.config import load_config
from glot_plugin.datasets import TrackDataset
from glot_plugin.datasets.synthetic import write_synthetic_dataset
from glot_plugin.engine.launch import train, write_result
from glot_plugin.engine.work_folder import best_checkpoint, last_checkpoint
from glot_plugin.evaluation.frame_errors import frame_errors, h36m14_joints
from glot_plugin.experiments.inputs import cfg_of_model, choose_body_models, demo_config
from glot_plugin.experiments.progress import ProgressHook, Say
from glot_plugin.experiments.scoring import score
from glot_plugin.experiments.settings import (
    RESULT,
    check_scores,
    check_settings,
    damaged,
    data_settings,
    experiment_settings,
    read_json,
    write_settings,
)
from glot_plugin.models import MeanPoseHead
from glot_plugin.reports.markdown import metrics_table

CONFIG = 'glot_plugin::glot/glot_synthetic.py'
FRAMES = {'train_frames': 24_000, 'val_frames': 1_500, 'test_frames': 3_000}
PICTURES = ('skeletons.png', 'track_error.png', 'training.png', 'mesh.png')
Rows = dict[str, dict[str, float]]  # scores by predictor and metric


def run_demo(out: Path, body_models: Path, config: Path, iterations: int | None, seed: int, say: Say = print) -> Rows:
    """Make the data, train (or go on), test, draw; everything under `out`, and what is done already is kept.

    Returns:
        The table's rows.

    Raises:
        InputError: `out` has a demo with other settings.
    """
    cfg = load_config(config)
    settings = experiment_settings(cfg, cfg.train_cfg.max_iters if iterations is None else iterations, seed)
    check_settings(out, settings)
    body_models = choose_body_models(body_models, out, say)
    say('[1/4] synthetic tracks')
    stores = write_synthetic_dataset(out / 'data', body_models, **FRAMES, seed=seed)
    settings['data'] = data_settings(stores)
    check_settings(out, settings)
    write_settings(out, settings)
    cfg = demo_config(cfg, out, body_models, stores, iterations, seed)
    rows = finished_rows(out)
    if rows is not None and all((out / name).is_file() for name in PICTURES):
        say(f'[2/4] … [4/4] trained, tested and drawn before; for a new demo, remove {out} or name another --out')
    else:
        rows = _train_test_draw(cfg, out, body_models, stores, rows, say)
    say('\n' + metrics_table(rows, 'synthetic test tracks (mm)') + '\n')
    for name in PICTURES:
        say(f'picture: {out / name}')
    return rows


def finished_rows(out: Path) -> Rows | None:
    """The rows of the last test, if it was of the checkpoint that is there now."""
    if not (out / RESULT).is_file() or last_checkpoint(out) is None:
        return None
    result, checkpoint = read_json(out / RESULT), best_checkpoint(out)
    if Path(str(result.get('checkpoint'))).name != checkpoint.name:
        return None
    if (out / RESULT).stat().st_mtime_ns < checkpoint.stat().st_mtime_ns:
        return None
    rows = result.get('metrics')
    if not isinstance(rows, dict):
        raise damaged(out / RESULT, 'no metrics')
    return {name: check_scores(out / RESULT, scores) for name, scores in rows.items()}


def _train_test_draw(
    cfg: Config, out: Path, body_models: Path, stores: dict[str, Path], rows: Rows | None, say: Say
) -> Rows:
    """Train and test, unless there are `rows`, and draw."""
    if rows is None:
        say(f'[2/4] training GLoT: {cfg.train_cfg.max_iters} iterations (interrupt at will, the same command goes on)')
        train(cfg, resume=True, hooks=[ProgressHook(say)])
    checkpoint = best_checkpoint(out)
    model = init_model(cfg_of_model(cfg), checkpoint, body_model_dir=body_models)
    dataset = TrackDataset(str(stores['test']))
    if rows is None:
        say(f'[3/4] testing {checkpoint}')
        mean_pose = MeanPoseHead(load_mean_params(body_models)).to(next(model.parameters()).device)
        rows = {
            'mean pose': score(dataset, body_models, lambda features: mean_pose.predict_track(features)),
            'GLoT': score(dataset, body_models, model.predict_track),
        }
        write_result(out / RESULT, rows, checkpoint=str(checkpoint), unit='mm')
    say('[4/4] pictures')
    draw_pictures(out, model, dataset)
    return rows


def draw_pictures(out: Path, model, dataset: TrackDataset) -> None:
    """`PICTURES`: skeletons over time, error per frame, the training curve, and a predicted body as a mesh."""
    from glot_plugin.visualisation import draw_mesh, draw_skeletons_over_time, draw_track_error, draw_training_curve

    skeletons, track_error, training, mesh = (out / name for name in PICTURES)
    # The longest track of moderate length: enough to see time, not more than a picture holds.
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
    """Steps and values of the logged loss and PA-MPJPE, over all the runs of a work folder."""
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
