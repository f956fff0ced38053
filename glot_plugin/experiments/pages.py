"""Viewer pages of results and of track stores, as written by `tools/view.py`."""

from pathlib import Path

from glot_plugin.engine.inference import infer_track, init_model
from glot_plugin.experiments.inputs import load_body, pick_track
from glot_plugin.experiments.progress import Say
from glot_plugin.video.result import read_result
from glot_plugin.viewer import embedded_video, scene_of_track, write_page, write_viewer


def result_page(
    result_path: Path, path: Path, video: Path | None, body_models: Path | None, truth_path: Path | None, say: Say
) -> None:
    """Write the page of a `tracks.npz`.

    Args:
        result_path: The file or its folder.
        path: The `.html`.
        video: The clip.
        body_models: Folder of the SMPL files; see `load_body`.
        truth_path: A `tracks.npz` with the true bodies of the same people.
        say: Receives notes on what is shown.
    """
    result = read_result(result_path)
    truth = None if truth_path is None else read_result(truth_path)
    write_viewer(result, load_body(body_models, say, result.gender), path, video, truth, progress=True)


def store_page(
    store: Path,
    path: Path,
    video: Path | None,
    body_models: Path | None,
    track: str | None,
    config: Path | None,
    checkpoint: Path | None,
    say: Say,
) -> None:
    """Write the page of a store's track: its true body and, with a checkpoint, the predicted one.

    Args:
        store: The store's folder.
        path: The `.html`.
        video: The track's video.
        body_models: Folder of the SMPL files; see `load_body`.
        track: Name of the track; the first by default.
        config, checkpoint: The model that predicts, or both None.
        say: Receives notes on what is shown.
    """
    item = pick_track(store, track)
    predicted = None
    if checkpoint is not None:
        model = init_model(config, checkpoint, body_model_dir=body_models)
        prediction = infer_track(model, item['features'])
        predicted = prediction.rotmat, prediction.betas
    clip = None if video is None else embedded_video(video, progress=True)
    origin = f'track store {store.name}' + (f', predicted by {checkpoint.name}' if predicted else '')
    body = load_body(body_models, say)
    scene = scene_of_track(item, body, predicted, origin, None if clip is None else clip.times)
    write_page(scene, body, path, clip)
