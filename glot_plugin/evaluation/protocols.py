"""The two protocols of evaluation, as configs of metrics."""

from collections.abc import Sequence

from glot_plugin.errors import InputError

PROTOCOLS = ('paper', 'mmhuman3d', 'both')


def evaluator_configs(
    evaluator: dict | Sequence[dict], mmhuman3d_evaluator: dict | None = None, protocol: str = 'paper'
) -> list[dict]:
    """The metrics to run for a protocol.

    Args:
        evaluator: Config of the paper's metric (a `BodyMetric`), or several.
        mmhuman3d_evaluator: Keys of the `MMHuman3DMetric`. What is left out is taken from the paper's: the body model,
            `chunk`, and `mpi_inf_3dhp` as `dataset_name` where its joints are `mpi17`.
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
