"""The two protocols of evaluation, as configs of metrics."""

from collections.abc import Mapping, Sequence

from glot_plugin.errors import InputError

PROTOCOLS = ('paper', 'mmhuman3d', 'both')
# How mmhuman3d's numbers differ from the paper's, by its data set.
DIFFERENCES = {
    'pw3d': (
        'not comparable: paper uses the neutral SMPL body on both sides and the hips as root; mmhuman3d the body of '
        "each person's gender for the target (and for both meshes of PVE) and the pelvis as root."
    ),
    'h36m': (
        'not comparable: paper uses the stored LSP joints as target and the hips as root; mmhuman3d the stored '
        'Human3.6M joints and the pelvis.'
    ),
    'mpi_inf_3dhp': 'both protocols compare the same 17 joints with the same root.',
}
ONE_GENDER = (
    "mmhuman3d takes the body of each person's gender; its rows here have the {gender} one for all "
    '(mmhuman3d_evaluator.gender), so they are not what mmhuman3d itself reports. They are not comparable with paper '
    'either, whose root is the hips and not the pelvis.'
)


def evaluator_configs(
    evaluator: dict | Sequence[dict], mmhuman3d_evaluator: dict | None = None, protocol: str = 'paper'
) -> list[dict]:
    """The metrics to run for a protocol.

    Args:
        evaluator: Config of the paper's metric (a `BodyMetric`), or several.
        mmhuman3d_evaluator: Arguments of `MMHuman3DMetric`. Missing ones are taken from the paper's metric: the body
            model, `chunk`, and `mpi_inf_3dhp` as `dataset_name` where its joints are `mpi17`.
        protocol: `paper`, `mmhuman3d` or `both`.

    Raises:
        InputError: An unknown protocol, or no body model to be found for mmhuman3d's.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f'protocol {protocol!r}: expected one of {", ".join(PROTOCOLS)}')
    paper = [evaluator] if isinstance(evaluator, dict) else list(evaluator)
    if protocol == 'paper':
        return paper
    framework = _framework_config(paper, mmhuman3d_evaluator or {})
    return [framework] if protocol == 'mmhuman3d' else [*paper, framework]


def _framework_config(paper: list[dict], given: dict) -> dict:
    config = {'type': 'glot.MMHuman3DMetric'}
    for metric in paper:
        if str(metric.get('type')) in ('BodyMetric', 'glot.BodyMetric'):
            config |= {key: metric[key] for key in ('body_model', 'chunk') if key in metric}
            if metric.get('joint_set') == 'mpi17':
                config['dataset_name'] = 'mpi_inf_3dhp'
            break
    config |= given
    if 'body_model' not in config:
        raise InputError(
            'mmhuman3d_evaluator has no body_model, and test_evaluator has no BodyMetric to take it from; expected '
            "body_model=dict(type='SMPLBody', model_dir='data/body_models')"
        )
    return config


def protocol_notes(evaluators: Mapping[str, Sequence[dict]]) -> list[str]:
    """What to know before comparing the numbers of mmhuman3d's protocol with others: one sentence per kind of test set.

    Args:
        evaluators: Configs of the metrics of each test set, by its name (see `evaluator_configs`).
    """
    sets: dict[str, list[str]] = {}
    for name, metrics in evaluators.items():
        framework = [metric for metric in metrics if str(metric.get('type')).endswith('MMHuman3DMetric')]
        for metric in framework:
            dataset, gender = metric.get('dataset_name', 'pw3d'), metric.get('gender', 'track')
            if dataset == 'pw3d' and gender != 'track':
                sets.setdefault(ONE_GENDER.format(gender=gender), []).append(name)
            elif len(metrics) > len(framework):
                sets.setdefault(DIFFERENCES[dataset], []).append(name)
    return [f'{", ".join(names)}: {sentence}' for sentence, names in sets.items()]
