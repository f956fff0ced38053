"""The paper's data, tested on 3DPW: all four metrics; invalid frames are dropped before windows are cut."""

_base_ = ['data_paper.py']

test_sets = {
    '3DPW': dict(
        dataset=dict(type='TrackDataset', stores=[f'{_base_.data_root}/3dpw-test'], drop_invalid=True),
        evaluator=dict(type='BodyMetric', body_model=dict(type='SMPLBody', model_dir='data/body_models')),
    ),
}
