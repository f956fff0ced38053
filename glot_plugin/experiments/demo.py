"""The demo: from nothing to a trained GLoT, a table and pictures, on the synthetic dataset."""

from pathlib import Path

from mmengine import Config

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
from glot_plugin.reports.markdown import metrics_table

CONFIG = 'glot_plugin::glot/glot_synthetic.py'
FRAMES = {'train_frames': 24_000, 'val_frames': 1_500, 'test_frames': 3_000}
Rows = dict[str, dict[str, float]]  # scores by predictor and metric


def run_demo(out: Path, body_models: Path, config: Path, iterations: int | None, seed: int, say: Say = print) -> Rows:
    """Make the data, train (or resume), test and draw, with everything under `out`; finished stages are kept.

    Returns:
        The table's rows.

    Raises:
        InputError: `out` has a demo with different settings.
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
    cfg = experiment_config(cfg, out, body_models, stores, iterations, seed)
    rows = finished_rows(out)
    if rows is not None and all((out / name).is_file() for name in PICTURES):
        say(f'[2/4] … [4/4] already trained, tested and drawn; for a new demo, remove {out} or name another --out')
    else:
        rows = _train_test_draw(cfg, out, body_models, stores, rows, say)
    say('\n' + metrics_table(rows, 'synthetic test tracks (mm)') + '\n')
    for name in PICTURES:
        say(f'picture: {out / name}')
    return rows


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
        say(f'[2/4] training GLoT: {cfg.train_cfg.max_iters} iterations (if interrupted, the same command resumes)')
        train(cfg, resume=True, hooks=[ProgressHook(say)])
    checkpoint = best_checkpoint(out)
    model = init_model(model_config(cfg), checkpoint, body_model_dir=body_models)
    dataset = TrackDataset(str(stores['test']))
    if rows is None:
        say(f'[3/4] testing {checkpoint}')
        rows = {
            'mean pose': score_mean_pose(dataset, body_models),
            'GLoT': score(dataset, body_models, model.predict_track),
        }
        write_result(out / RESULT, rows, checkpoint=str(checkpoint), unit='mm')
    say('[4/4] pictures')
    draw_pictures(out, model, dataset)
    return rows
