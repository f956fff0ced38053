"""The paper's data, tested on 3DPW: all four metrics; frames without valid annotation are dropped before windowing."""

_base_ = ['data_paper.py']

test_sets = {
    '3DPW': dict(
        dataset=dict(type='TrackDataset', stores=[f'{_base_.data_root}/3dpw-test'], drop_invalid=True),
        evaluator=dict(type='BodyMetric', body_model=dict(type='SMPLBody', model_dir='data/body_models')),
    ),
}
