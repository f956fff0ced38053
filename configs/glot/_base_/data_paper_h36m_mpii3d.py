"""The paper's data, tested on MPI-INF-3DHP (17 joints, valid frames) and Human3.6M (14 joints); neither has meshes."""

_base_ = ['data_paper.py']

test_sets = {
    'MPI-INF-3DHP': dict(
        dataset=dict(type='TrackDataset', stores=[f'{_base_.data_root}/mpii3d-val']),
        evaluator=dict(
            type='BodyMetric',
            body_model=dict(type='SMPLBody', model_dir='data/body_models'),
            joint_set='mpi17',
            metrics=['PA-MPJPE', 'MPJPE', 'ACCEL'],
        ),
    ),
    'Human3.6M': dict(
        dataset=dict(type='TrackDataset', stores=[f'{_base_.data_root}/h36m-test']),
        evaluator=dict(
            type='BodyMetric',
            body_model=dict(type='SMPLBody', model_dir='data/body_models'),
            metrics=['PA-MPJPE', 'MPJPE', 'ACCEL'],
        ),
        mmhuman3d_evaluator=dict(dataset_name='h36m'),
    ),
}
