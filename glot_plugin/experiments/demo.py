"""The demo: from nothing to a trained GLoT, its table, and the bodies of a real clip."""

from pathlib import Path

from mmengine import Config

from glot_plugin.cli.video import VIEWER, VideoJob, run_videos
from glot_plugin.config import load_config
from glot_plugin.datasets import TrackDataset
from glot_plugin.datasets.synthetic import write_synthetic_dataset
from glot_plugin.engine.inference import init_model
from glot_plugin.engine.launch import train, write_result
from glot_plugin.engine.work_dir import best_checkpoint, last_checkpoint
from glot_plugin.experiments.inputs import choose_body_models, experiment_config, model_config
from glot_plugin.experiments.pictures import PICTURES, draw_pictures
from glot_plugin.experiments.progress import ProgressHook, Say
from glot_plugin.experiments.scoring import score, score_mean_pose
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
from glot_plugin.features.landmarks import FEATURE_DIM
from glot_plugin.features.synthetic_landmarks import write_landmark_dataset
from glot_plugin.reports.markdown import metrics_table
from glot_plugin.video.clips import SINGLE_PERSON
from glot_plugin.video.pictures_stage import OVERLAY, SIDE
from glot_plugin.video.result import TRACKS_FILE

CONFIG = 'glot_plugin::glot/glot_landmarks.py'
FRAMES = {'val_frames': 1_500, 'test_frames': 3_000}
TRAIN_FRAMES = {'images': 24_000, 'landmarks': 60_000}
CLIP_FOLDER = 'clip'
Rows = dict[str, dict[str, float]]  # scores by predictor and metric


def run_demo(out: Path, body_models: Path, config: Path, iterations: int | None, seed: int, say: Say = print) -> Rows:
    """Make the data, train (or resume), test, draw, and predict a real clip, with everything under `out`.

    Finished stages are kept. Landmarks are the only features that can be extracted without downloading anything, so a
    config for other features stops after the pictures of its test.

    Returns:
        The table's rows.

    Raises:
        InputError: `out` has a demo with different settings.
    """
    cfg = load_config(config)
    settings = experiment_settings(cfg, cfg.train_cfg.max_iters if iterations is None else iterations, seed)
    check_settings(out, settings)
    body_models = choose_body_models(body_models, out, say)
    say('[1/5] synthetic tracks')
    stores = _write_stores(cfg, out / 'data', body_models, seed)
    settings['data'] = data_settings(stores)
    check_settings(out, settings)
    write_settings(out, settings)
    cfg = experiment_config(cfg, out, body_models, stores, iterations, seed)
    rows = finished_rows(out)
    if rows is not None and all((out / name).is_file() for name in PICTURES):
        say(f'[2/5] … [4/5] already trained, tested and drawn; for a new demo, remove {out} or name another --out')
    else:
        rows = _train_test_draw(cfg, out, body_models, stores, rows, say)
    say('\n' + metrics_table(rows, 'synthetic test tracks (mm)') + '\n')
    for name in PICTURES:
        say(f'picture: {out / name}')
    if _takes_landmarks(cfg):
        _predict_clip(config, best_checkpoint(out), body_models, out / CLIP_FOLDER, say)
    return rows


def _takes_landmarks(cfg: Config) -> bool:
    return cfg.model.head.get('in_dim') == FEATURE_DIM


def _write_stores(cfg: Config, folder: Path, body_models: Path, seed: int) -> dict[str, Path]:
    """The embedded data set of the features that the model takes."""
    if _takes_landmarks(cfg):
        return write_landmark_dataset(folder, body_models, TRAIN_FRAMES['landmarks'], **FRAMES, seed=seed)
    return write_synthetic_dataset(folder, body_models, TRAIN_FRAMES['images'], **FRAMES, seed=seed)


def _predict_clip(config: Path, checkpoint: Path, body_models: Path, out: Path, say: Say) -> None:
    """The bodies of a real clip, over the person, from the side, in a viewer and as glTF."""
    files = [out / name for name in (TRACKS_FILE, OVERLAY, SIDE, VIEWER, 'people.glb')]
    if all(path.is_file() and path.stat().st_mtime_ns > checkpoint.stat().st_mtime_ns for path in files):
        say(f'[5/5] a real clip: predicted and drawn before, {out}')
    else:
        say(f'[5/5] a real clip, {SINGLE_PERSON.name}')
        job = VideoJob(
            str(SINGLE_PERSON), out, config=config, checkpoint=checkpoint, body_models=body_models, exports=('glb',)
        )
        run_videos(job, say)
    for path in files[1:]:
        say(f'clip: {path}')


def finished_rows(out: Path) -> Rows | None:
    """The rows of the last test, if it tested the current checkpoint."""
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
    """Train and test, unless `rows` are given, and draw."""
    if rows is None:
        say(f'[2/5] training GLoT: {cfg.train_cfg.max_iters} iterations (if interrupted, the same command resumes)')
        train(cfg, resume=True, hooks=[ProgressHook(say, max(1, cfg.train_cfg.max_iters // 30))])
    checkpoint = best_checkpoint(out)
    model = init_model(model_config(cfg), checkpoint, body_model_dir=body_models)
    dataset = TrackDataset(str(stores['test']))
    if rows is None:
        say(f'[3/5] testing {checkpoint}')
        rows = {
            'mean pose': score_mean_pose(dataset, body_models),
            'GLoT': score(dataset, body_models, model.predict_track, next(model.parameters()).device),
        }
        write_result(out / RESULT, rows, checkpoint=str(checkpoint), unit='mm')
    say('[4/5] pictures')
    draw_pictures(out, model, dataset)
    return rows
