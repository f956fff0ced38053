"""The benchmark's sections, and the table of their results."""

import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from glot_plugin.benchmark.fetch_speed import (
    compare_batch_fetch,
    compare_resident_fetch,
    opening_cost,
    write_large_store,
)
from glot_plugin.benchmark.inference_speed import compare_inference, inference_remarks
from glot_plugin.benchmark.live_speed import PEOPLE, compare_live, measure_live_clip
from glot_plugin.benchmark.metric_speed import compare_metrics
from glot_plugin.benchmark.model_speed import compare_track_inference, compare_train_step, train_step_remarks
from glot_plugin.benchmark.timing import Comparison
from glot_plugin.benchmark.training_run import Plan, measure_training
from glot_plugin.benchmark.video_speed import measure_clip
from glot_plugin.body_model.synthetic import write_synthetic_body
from glot_plugin.video.clips import SINGLE_PERSON

COMPARED = ('train-step', 'train-step-amp', 'track-inference', 'batch-fetch', 'resident-fetch', 'metrics')
SECTIONS = (*COMPARED, 'inference', 'live', 'training', 'video')
HEADER = """
| | ours | naive baseline | baseline / ours | |
|---|---:|---:|---:|---|"""
# Peak memory is measured per process, so each measurement runs in a process of its own.
_SCORING = """
import sys
from glot_plugin.benchmark.live_speed import PEOPLE, compare_live, measure_live_clip
from glot_plugin.benchmark.metric_speed import measure_scoring
result = measure_scoring(sys.argv[1], sys.argv[2], int(sys.argv[3]))
print(result.seconds, result.peak_mb)
"""


@dataclass
class Settings:
    """The options of `tools/benchmark.py`; see its help."""

    out: Path
    config: Path
    device: str
    batch_size: int
    store_frames: int
    poses: int
    repeats: int
    resident_frames: int
    iterations: int
    modes: Sequence[str]
    clip: Path | None = None


def run_sections(sections: Sequence[str], settings: Settings, say: Callable[[str], None]) -> None:
    """Measure the sections, reporting a table row as each is done, and remarks on memory at the end."""
    body_dir = write_synthetic_body(settings.out / 'body_models')
    name = device_name(settings.device)
    say(f'{settings.device} ({name}), {torch.get_num_threads()} threads, torch {torch.__version__}')
    compared = [section for section in sections if section in COMPARED]
    if compared:
        say(HEADER)
    notes: list[str] = []
    for section in compared:
        comparison, remarks = _measure(section, settings, str(body_dir))
        say(_row(comparison))
        notes += remarks
    if 'inference' in sections:
        say(HEADER)
        for comparison in compare_inference(settings.config, str(body_dir), settings.device, settings.repeats):
            say(_row(comparison, digits=2))
        notes += inference_remarks(settings.config, str(body_dir), settings.device)
    if 'live' in sections:
        say(HEADER)
        for people in PEOPLE:
            say(_row(compare_live(settings.config, str(body_dir), settings.device, people, settings.repeats)))
        notes.append(measure_live_clip(str(body_dir), settings.device))
    if 'training' in sections:
        store = _half_precision_store(settings)
        plan = Plan(store, str(body_dir), settings.out, settings.batch_size, settings.iterations)
        notes += measure_training(settings.modes, plan)
    if 'video' in sections:
        notes += measure_clip(str(body_dir), settings.device, settings.clip or SINGLE_PERSON)
    say('\n'.join(['', *notes]))


def device_name(device: str) -> str:
    """The name of a GPU, or of the processor."""
    if torch.device(device).type == 'cuda':
        return torch.cuda.get_device_name(device)
    about = Path('/proc/cpuinfo')  # Linux
    names = [line for line in about.read_text().splitlines() if line.startswith('model name')] if about.exists() else []
    return names[0].partition(':')[2].strip() if names else platform.processor()


def _measure(section: str, settings: Settings, body_dir: str) -> tuple[Comparison, list[str]]:
    device, repeats = settings.device, settings.repeats
    if section == 'train-step':
        remarks = train_step_remarks(settings.config, body_dir, device, settings.batch_size)
        return compare_train_step(settings.config, body_dir, device, settings.batch_size, repeats), remarks
    if section == 'train-step-amp':
        return compare_train_step(settings.config, body_dir, device, settings.batch_size, repeats, amp=True), []
    if section == 'track-inference':
        return compare_track_inference(settings.config, body_dir, device, repeats=repeats), []
    if section == 'batch-fetch':
        store = write_large_store(settings.out / f'store_{settings.store_frames}', settings.store_frames)
        seconds, megabytes = opening_cost(store)
        remark = (
            f'Opening the store of {settings.store_frames:,} frames: {seconds:.2f} s, '
            f'{megabytes:.0f} MB of resident memory over the bare process.'
        )
        return compare_batch_fetch(store, settings.batch_size, repeats=repeats), [remark]
    if section == 'resident-fetch':
        return compare_resident_fetch(_half_precision_store(settings), device, settings.batch_size, repeats), []
    arguments = [sys.executable, '-c', _SCORING, body_dir, device, str(settings.poses)]
    output = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    seconds, peak = (float(word) for word in output.split()[-2:])
    remark = f'Scoring {settings.poses:,} poses, four metrics: {seconds:.0f} s, peak memory {peak / 1000:.2f} GB.'
    return compare_metrics(body_dir, device, repeats=repeats), [remark]


def _half_precision_store(settings: Settings) -> Path:
    frames = settings.resident_frames
    return write_large_store(settings.out / f'store_half_{frames}', frames, 'float16')


def _row(comparison: Comparison, digits: int = 1) -> str:
    times = ' | '.join(f'{1000 * seconds:,.1f} ms' for seconds in (comparison.ours, comparison.naive))
    return f'| {comparison.name} | {times} | {comparison.ratio:.{digits}f} | {comparison.detail} |'
