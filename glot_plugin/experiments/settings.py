"""The settings of a finished or interrupted experiment in a folder, compared with those requested now."""

import json
from pathlib import Path

from mmengine import Config

from glot_plugin.datasets import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.io.files import atomic_write
from glot_plugin.io.messages import reason

# Files in an experiment's folder: its settings and, once finished, its scores.
SETTINGS, RESULT = 'settings.json', 'result.json'
METRICS = ('PA-MPJPE', 'MPJPE', 'PVE', 'ACCEL')
# Config keys that determine a result, besides the data, the seed and the number of iterations.
CONFIG_KEYS = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'randomness')


def experiment_settings(cfg: Config, iterations: int, seed: int) -> dict:
    """Everything that determines a result except the data; `cfg` has no machine-specific paths yet."""
    config = {key: cfg._cfg_dict.to_dict()[key] for key in CONFIG_KEYS}
    return {'iterations': iterations, 'seed': seed, 'config': json.loads(json.dumps(config))}


def data_settings(stores: dict[str, Path]) -> dict:
    """The settings of the synthetic stores for training and testing, including the body."""
    found = {}
    for split in ('train', 'test'):
        with TrackStore(stores[split]) as store:
            found[split] = store.meta['synthetic']
    return found


def write_settings(folder: Path, settings: dict) -> None:
    with atomic_write(folder / SETTINGS) as file:
        json.dump(settings, file, indent=2, sort_keys=True)


def check_settings(folder: Path, settings: dict) -> None:
    """Check that an experiment in `folder`, finished or not, was run with the given settings.

    Raises:
        InputError: It was not; the message says what has changed.
    """
    if not (folder / SETTINGS).is_file():
        return
    written = read_json(folder / SETTINGS)
    before, now = _flat({key: written.get(key) for key in settings}), _flat(settings)
    changed = [
        f'{key} {before.get(key)!r}, now {now.get(key)!r}'
        for key in sorted({*before, *now})
        if before.get(key) != now.get(key)
    ]
    if changed:
        more = f' and {len(changed) - 3} more' if len(changed) > 3 else ''
        raise InputError(
            f'{folder} was trained with other settings ({"; ".join(changed[:3])}{more}); '
            'name another --out, remove that folder, or give the settings it was trained with'
        )


def read_json(path: Path) -> dict:
    """Read a file that an experiment wrote.

    Raises:
        InputError: The file is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, RecursionError) as error:
        raise damaged(path, f'not readable as JSON ({reason(error)})') from error
    if not isinstance(content, dict):
        raise damaged(path, f'a {type(content).__name__}, expected an object')
    return content


def check_scores(path: Path, scores: object) -> dict[str, float]:
    """Check that scores from the file at `path` have a number for each of `METRICS`."""
    numbers = scores if isinstance(scores, dict) else {}
    missing = [metric for metric in METRICS if not isinstance(numbers.get(metric), float)]
    if missing:
        raise damaged(path, f'no number {", ".join(missing)} in metrics')
    return numbers


def damaged(path: Path, found: str) -> InputError:
    return InputError(f'{path}: {found}; remove {path.parent} to train again')


def _flat(node: object, prefix: str = '') -> dict[str, object]:
    """The leaves of nested dicts, by dotted key."""
    if not isinstance(node, dict):
        return {prefix: node}
    return {k: v for key, child in node.items() for k, v in _flat(child, f'{prefix}.{key}' if prefix else key).items()}
