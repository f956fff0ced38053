"""The paper's published results, in mm (Accel in mm per frame²), to set ours beside."""

from dataclasses import dataclass

# The paper's names of the metrics, and ours.
METRICS = {'PA-MPJPE': 'PA-MPJPE', 'MPJPE': 'MPJPE', 'MPVPE': 'PVE', 'Accel': 'ACCEL'}
Scores = dict[str, float]


def _scores(*values: float | None) -> Scores:
    """PA-MPJPE, MPJPE, MPVPE and Accel by our names; None: not published."""
    return {name: value for name, value in zip(METRICS.values(), values, strict=True) if value is not None}


@dataclass(frozen=True)
class PublishedRow:
    """A row of a table.

    Attributes:
        method: Its name in the paper.
        scores: By test set and metric.
        configs: Our configs that it is compared with, as paths under `configs/glot` without `.py`.
    """

    method: str
    scores: dict[str, Scores]
    configs: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedTable:
    """A table: its title, test sets with the metrics (the paper's names) of each, and rows."""

    title: str
    columns: dict[str, tuple[str, ...]]
    rows: tuple[PublishedRow, ...]


_ALL = tuple(METRICS)
_JOINTS = ('PA-MPJPE', 'MPJPE', 'Accel')


def _three_sets(method: str, pw3d: tuple, mpii3d: tuple, h36m: tuple, configs: tuple[str, ...] = ()) -> PublishedRow:
    others = {'MPI-INF-3DHP': mpii3d, 'Human3.6M': h36m}
    joints = {name: _scores(pa, mpjpe, None, accel) for name, (pa, mpjpe, accel) in others.items()}
    return PublishedRow(method, {'3DPW': _scores(*pw3d), **joints}, configs)


def _ablation(method: str, config: str, *values: float) -> PublishedRow:
    return PublishedRow(method, {'3DPW': _scores(*values)}, (config,))


_GLOT = _ablation('GLoT', 'glot_3dpw', 50.6, 80.7, 96.3, 6.6)


def _ablations(title: str, *rows: PublishedRow) -> PublishedTable:
    return PublishedTable(f'Ablation on 3DPW: {title}', {'3DPW': _ALL}, rows)


TABLES = (
    PublishedTable(
        'Table 1',
        {'3DPW': _ALL, 'MPI-INF-3DHP': _JOINTS, 'Human3.6M': _JOINTS},
        (
            _three_sets('VIBE', (57.6, 91.9, None, 25.4), (68.9, 103.9, 27.3), (53.3, 78.0, 27.3)),
            _three_sets('MEVA', (54.7, 86.9, None, 11.6), (65.4, 96.4, 11.1), (53.2, 76.0, 15.3)),
            _three_sets('TCMR', (52.7, 86.5, 102.9, 7.1), (63.5, 97.3, 8.5), (52.0, 73.6, 3.9)),
            _three_sets('MPS-Net', (52.1, 84.3, 99.7, 7.4), (62.8, 96.7, 9.6), (47.4, 69.4, 3.6)),
            _three_sets(
                'GLoT', (50.6, 80.7, 96.3, 6.6), (61.5, 93.9, 7.9), (46.3, 67.0, 3.6),
                ('glot_3dpw', 'glot_h36m_mpii3d'),
            ),
        ),
    ),
    PublishedTable(
        'Table 2: 3DPW not trained on',
        {'3DPW': _ALL},
        (_ablation('GLoT, 3DPW unseen', 'glot_3dpw_unseen', 53.5, 89.9, 107.8, 6.7),),
    ),
    _ablations('branches', _ablation('GMM alone', 'ablations/gmm_alone', 52.6, 84.1, 101.0, 6.9), _GLOT),
    _ablations(
        'mask ratio',
        _ablation('0 %', 'ablations/mask_ratio_0', 51.7, 82.3, 98.0, 7.3),
        _ablation('12.5 %', 'ablations/mask_ratio_0_125', 51.3, 82.0, 97.4, 7.1),
        _ablation('25 %', 'ablations/mask_ratio_0_25', 51.0, 82.1, 97.5, 7.0),
        _ablation('37.5 %', 'ablations/mask_ratio_0_375', 51.0, 81.4, 97.2, 6.8),
        _ablation('50 %', 'glot_3dpw', 50.6, 80.7, 96.3, 6.6),
        _ablation('62.5 %', 'ablations/mask_ratio_0_625', 50.8, 81.7, 97.7, 6.6),
        _ablation('75 %', 'ablations/mask_ratio_0_75', 51.4, 82.9, 99.1, 6.8),
        _ablation('87.5 %', 'ablations/mask_ratio_0_875', 52.8, 86.6, 104.1, 6.5),
    ),
    _ablations(
        'mask token',
        _ablation('learnable token', 'ablations/learnable_mask_token', 51.5, 82.5, 98.5, 6.9),
        _ablation('SMPL token', 'glot_3dpw', 50.6, 80.7, 96.3, 6.6),
    ),
    _ablations(
        'regressor of the local branch',
        _ablation('residual', 'ablations/residual_regressor', 51.5, 81.7, 97.2, 6.7),
        _ablation('HSCR', 'glot_3dpw', 50.6, 80.7, 96.3, 6.6),
    ),
    _ablations(
        'nearby frames on each side',
        _ablation('2', 'ablations/nearby_2', 51.9, 83.0, 98.7, 6.7),
        _ablation('3', 'ablations/nearby_3', 51.2, 84.2, 100.0, 6.7),
        _ablation('4', 'glot_3dpw', 50.6, 80.7, 96.3, 6.6),
        _ablation('5', 'ablations/nearby_5', 51.3, 81.7, 97.2, 6.7),
        _ablation('6', 'ablations/nearby_6', 51.7, 82.4, 98.4, 6.6),
    ),
    _ablations(
        'detachment', _ablation('without detach', 'ablations/without_detach', 50.9, 81.2, 96.4, 6.6), _GLOT
    ),
    _ablations(
        'position embedding',
        _ablation('fixed', 'ablations/fixed_position_embedding', 52.1, 83.4, 99.5, 6.4),
        _ablation('learnable', 'glot_3dpw', 50.6, 80.7, 96.3, 6.6),
    ),
    _ablations(
        'input length',
        _ablation('16', 'glot_3dpw', 50.6, 80.7, 96.3, 6.6),
        _ablation('24', 'ablations/input_length_24', 51.2, 82.7, 98.5, 6.7),
        _ablation('32', 'ablations/input_length_32', 51.2, 82.0, 98.3, 6.7),
    ),
)  # fmt: skip
