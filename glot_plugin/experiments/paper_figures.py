"""The paper's figures for any checkpoint and track, as drawn by `tools/figures.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from glot_plugin.body_model import SMPLBody
from glot_plugin.body_model.joint_sets import LSP14_HIPS
from glot_plugin.engine.inference import infer_track, init_model
from glot_plugin.errors import InputError
from glot_plugin.evaluation.frame_errors import (
    frame_acceleration_errors,
    frame_errors,
    h36m14_joints,
    true_h36m14_joints,
)
from glot_plugin.evaluation.pose_errors import M_TO_MM
from glot_plugin.evaluation.track_metric import smpl_targets
from glot_plugin.experiments.inputs import load_body, pick_track
from glot_plugin.experiments.progress import Say
from glot_plugin.models import GLoTEstimator
from glot_plugin.models.attention_capture import capture_attention, head_attentions
from glot_plugin.video.result import TRACKS_FILE, read_result
from glot_plugin.visualisation import draw_acceleration_errors, draw_attention_maps, draw_branch_meshes
from glot_plugin.windows import clamped_windows

COLUMNS = 5  # frames in the figure of the branches
Bodies = tuple[np.ndarray, np.ndarray]  # rotations (N, 24, 3, 3), betas (N, 10)


@dataclass
class Branches:
    """The model's output for N frames of a track: bodies of both branches, and the attention maps.

    Attributes:
        global_bodies, local_bodies: N bodies each.
        attention: For `global`, `local` and `cross`, one map per block, averaged over heads: (N, queries, keys).
        before: How many frames are before the predicted one in a window, and among its nearby frames.
    """

    global_bodies: Bodies
    local_bodies: Bodies
    attention: dict[str, list[np.ndarray]]
    before: tuple[int, int]


def draw_paper_figures(
    config: Path,
    checkpoint: Path,
    store: Path,
    track: str | None,
    start: int,
    frames: int,
    out: Path,
    body_models: Path | None = None,
    against: Sequence[Path] = (),
    say: Say = print,
) -> list[Path]:
    """Draw attention (Figure 6), branches (Figure 5) and acceleration errors of some frames of a track.

    Args:
        config, checkpoint: The model.
        store: Track store.
        track: Name of a track of the store; the first by default.
        start, frames: First frame, and number of frames (fewer if the track ends before).
        out: Folder of the pictures.
        body_models: Folder of the SMPL files; see `load_body`.
        against: Another result for the acceleration errors: config and checkpoint, or a `tracks.npz` of the same track.
        say: Receives notes on what cannot be drawn.

    Returns:
        The pictures.
    """
    model = init_model(config, checkpoint, body_model_dir=body_models)
    attentions = head_attentions(model.head)
    item = pick_track(store, track)
    total = len(item['features'])
    if not 0 <= start < total or frames < 1:
        raise InputError(f'--start {start} --frames {frames}: track {item["track_name"]} has frames 0 to {total - 1}')
    picked = slice(start, min(start + frames, total))
    body = load_body(body_models, say)
    rivals = {checkpoint.stem: track_bodies(model, item)}
    if against:
        rivals |= rival_bodies(against, item, checkpoint.stem)
    branches = run_branches(model, attentions, item['features'], picked)
    pictures = draw_attention(branches, picked, out / 'attention')
    pictures += draw_branches(branches, item, picked, body, out / 'branches')
    true = true_h36m14_joints(body, item)
    if true is None:
        say(f'no acceleration errors: track {item["track_name"]} has no ground truth')
        return pictures
    joints = {name: h36m14_joints(body, *bodies) for name, bodies in rivals.items()}
    errors = {name: frame_acceleration_errors(predicted, true)[picked] for name, predicted in joints.items()}
    return pictures + draw_acceleration_errors(errors, out / 'acceleration', start)


@torch.inference_mode()
def run_branches(model: GLoTEstimator, attentions: dict, features: np.ndarray, picked: slice) -> Branches:
    """Run the model on the windows of the picked frames of a track, features (N, C)."""
    head, device = model.head, next(model.parameters()).device
    features = torch.from_numpy(features).to(device)
    windows = clamped_windows(head.num_frames, len(features), device, head.target_frame)[picked]
    with capture_attention(attentions) as captured:
        corrected = head.predict_windows(features, windows, model.chunk)
    uncorrected = head.predict_windows(features, windows, model.chunk, corrected=False)
    attention = {
        name: [torch.cat(passes).mean(1).cpu().numpy() for passes in blocks] for name, blocks in captured.items()
    }
    bodies = ((params.rotmat.cpu().numpy(), params.betas.cpu().numpy()) for params in (uncorrected, corrected))
    return Branches(*bodies, attention, (head.target_frame, head.local_branch.query))


def draw_attention(branches: Branches, picked: slice, stem: Path) -> list[Path]:
    """Both encoders' attention in the window of the middle picked frame, and the cross-attention of all windows."""
    maps, middle = branches.attention, (picked.stop - picked.start) // 2
    window = {name: [block[middle] for block in maps[name]] for name in ('global', 'local')}
    cross = maps['cross'][0][:, 0]  # each window has one query, its target frame
    return draw_attention_maps(*window.values(), cross, stem, picked.start, picked.start + middle, *branches.before)


def draw_branches(branches: Branches, item: dict, picked: slice, body: SMPLBody, stem: Path) -> list[Path]:
    """Meshes of both branches and the ground truth for a few of the picked frames, with the errors."""
    count = len(branches.local_bodies[0])
    chosen = np.unique(np.linspace(0, count - 1, COLUMNS).round().astype(int))
    rows = {'global branch': branches.global_bodies, 'after local correction': branches.local_bodies}
    joints = {name: h36m14_joints(body, *_rows(bodies, chosen)) for name, bodies in rows.items()}
    captions, note = {}, ''
    true_joints = true_h36m14_joints(body, item)
    if true_joints is not None:
        for name, predicted in joints.items():
            errors = frame_errors(predicted, true_joints[picked][chosen])
            captions[name] = [f'{mean:.0f} / {aligned:.0f} mm' for mean, aligned in zip(*errors.values(), strict=True)]
        note = f'under each body: {" / ".join(errors)}'
    true = smpl_targets(item, torch.device('cpu'))
    if true is not None:
        rows['ground truth'] = tuple(tensor.numpy()[picked] for tensor in true)
    meshes = {name: _centred_meshes(body, _rows(bodies, chosen)) for name, bodies in rows.items()}
    distances = {}
    if true is not None:
        for name in joints:
            distances[name] = M_TO_MM * np.linalg.norm(meshes[name] - meshes['ground truth'], axis=-1)
    return draw_branch_meshes(meshes, body.faces, (picked.start + chosen).tolist(), stem, distances, captions, note)


def track_bodies(model: GLoTEstimator, item: dict) -> Bodies:
    """The bodies of a complete track."""
    prediction = infer_track(model, item['features'])
    return prediction.rotmat, prediction.betas


def rival_bodies(against: Sequence[Path], item: dict, taken: str) -> dict[str, Bodies]:
    """The other result's bodies for a track, under a name that is not `taken`.

    Raises:
        InputError: `against` is neither a config and a checkpoint nor a result that has the track's frames.
    """
    if len(against) == 2:
        config, checkpoint = against
        name = checkpoint.stem if checkpoint.stem != taken else str(checkpoint)
        return {name: track_bodies(init_model(config, checkpoint), item)}
    if len(against) != 1:
        raise InputError(
            f'--against {" ".join(map(str, against))}: expected a config and a checkpoint, or {TRACKS_FILE}'
        )
    result, wanted = read_result(against[0]), item['frame_id']
    for person in result.people:
        rows = np.searchsorted(person.frame, wanted)
        if len(person) and (person.frame[np.minimum(rows, len(person) - 1)] == wanted).all():
            return {result.source: (person.rotmat[rows], person.betas[rows])}
    raise InputError(
        f'--against {against[0]}: nobody in it has all {len(item["frame_id"])} frames of {item["track_name"]}'
    )


def _rows(bodies: Bodies, chosen: np.ndarray) -> Bodies:
    return bodies[0][chosen], bodies[1][chosen]


@torch.no_grad()
def _centred_meshes(body: SMPLBody, bodies: Bodies) -> np.ndarray:
    """Vertices (K, V, 3) with the middle of the hips at the origin."""
    tensors = [torch.from_numpy(np.ascontiguousarray(array)) for array in bodies]
    hips = body.joints(*tensors, 'h36m14')[:, list(LSP14_HIPS)].mean(1, keepdim=True)
    return (body.vertices(*tensors) - hips).numpy()
