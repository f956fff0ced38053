"""tools/train.py and tools/test.py on mmhuman3d's configs: the shipped ones train, are tested and resumed."""

import json
import resource

import numpy as np
import pytest
import torch
from human_data_files import make_tracks, write_human_data

from glot_plugin.datasets import TrackStore, TrackStoreWriter
from glot_plugin.engine.work_dir import training_in
from glot_plugin.io.files import write_bytes

SMALL_GLOT = {
    'model.head.global_branch.transformer.embed_dim': 32,
    'model.head.global_branch.transformer.decoder_dim': 16,
    'model.head.global_branch.regressor.hidden_dim': 16,
    'model.head.local_branch.dim': 16,
    'model.head.local_branch.depth': 1,
    'model.head.local_branch.regressor.hidden_dim': 16,
    'data.train.num_data': 8,
}
SMALL_VIBE = {'model.neck.hidden_size': 8, 'model.neck.num_layers': 1, 'model.head.hdim': 16}


@pytest.fixture
def tool(run_tool):
    """Run a tool; gives its exit status and all that it printed."""

    def run(name, *arguments):
        status, out, err = run_tool(name, *arguments)
        return status, out + err

    return run


@pytest.fixture(scope='module')
def human_data(body, tmp_path_factory):
    tracks = make_tracks(body, 120, seed=9)
    return write_human_data(tmp_path_factory.mktemp('human_data') / 'people.npz', tracks)


@pytest.fixture(scope='module')
def few_clips(synthetic_data, tmp_path_factory):
    """A store for training with so few tracks that an epoch has three iterations."""
    store = TrackStore(synthetic_data / 'train')
    path, clips = tmp_path_factory.mktemp('few') / 'clips', 0
    with TrackStoreWriter(path, 'synthetic') as writer:
        for track in np.flatnonzero(store.track_has_keypoints3d & store.track_has_smpl):
            columns = store.track(track)
            if clips + len(columns['features']) // 16 <= 12:
                clips += len(columns['features']) // 16
                writer.add_track(str(track), **columns)
    assert clips > 8
    return path


@pytest.fixture
def options(synthetic_data, few_clips, body_dir, human_data):
    """Command-line options that make a shipped config small and point it at small data; tests are on HumanData."""

    def make(config, **more):
        keys = {
            'data.samples_per_gpu': 4,
            'data.workers_per_gpu': 1,
            'data.val.ann_file': synthetic_data / 'val',
            'data.test.ann_file': human_data,
            'runner.max_epochs': 1,
            'log_config.interval': 1,
            'log_level': 'WARNING',
        }
        if config == 'glot':
            keys |= {**SMALL_GLOT, **{f'data.train.configs.{i}.ann_file': synthetic_data / 'train' for i in (0, 1)}}
        else:
            keys |= {**SMALL_VIBE, 'data.train.ann_file': few_clips}
        keys |= more
        return ['--body-models', body_dir, '--cfg-options', *(f'{key}={value}' for key, value in keys.items())]

    return make


def config_file(repository, name):
    return repository / 'configs' / 'glot' / 'mmhuman3d' / f'{name}.py'


@pytest.mark.training
@pytest.mark.parametrize('name', ['vibe', 'vibe_hscr', 'glot'])
def test_shipped_configs(tool, options, repository, tmp_path, name):
    config = config_file(repository, name)
    run = ['--work-dir', tmp_path, '--seed', 0, '--deterministic']
    status, text = tool('train', config, *run, *options(name))
    assert status == 0, text
    assert (tmp_path / 'epoch_1.pth').is_file()
    assert (tmp_path / config.name).is_file()
    status, text = tool('train', config, *run, '--resume', *options(name, **{'runner.max_epochs': 2}))
    assert status == 0, text
    assert torch.load(tmp_path / 'latest.pth', weights_only=False)['meta']['epoch'] == 2
    out = tmp_path / 'scores.json'
    checkpoint = tmp_path / 'epoch_2.pth'
    status, text = tool('test', config, checkpoint, '--work-dir', tmp_path, '--out', out, *options(name))
    assert status == 0, text
    assert 'PA-MPJPE' in text
    scores = json.loads(out.read_text())['metrics']['test']['mmhuman3d']
    assert set(scores) == {'PA-MPJPE', 'MPJPE', 'PVE'}
    assert 0 < scores['PA-MPJPE'] < scores['MPJPE']
    state = torch.load(checkpoint, weights_only=False)['state_dict']
    assert not [key for key, value in state.items() if key.startswith('body_model') and value.numel() > 1000]


def test_one_line_makes_vibe_an_hscr_config(repository):
    lines = [
        line
        for line in config_file(repository, 'vibe_hscr').read_text().partition('"""\n')[2].splitlines()
        if line.strip()
    ]
    assert lines == ["_base_ = ['vibe.py']", "model = dict(head=dict(type='glot.HSCRHead'))"]


@pytest.mark.parametrize('left', ['epoch_3.pth', 'iter_40.pth'])
def test_a_folder_with_a_run_is_not_written_to(tool, options, repository, tmp_path, left):
    (tmp_path / left).touch()
    status, text = tool('train', config_file(repository, 'vibe'), '--work-dir', tmp_path, *options('vibe'))
    assert status == 2, text
    assert f'a run has its checkpoints there ({left})' in text
    assert [path.name for path in tmp_path.iterdir()] == [left]


def test_a_folder_in_which_another_process_trains_is_refused(tool, options, repository, tmp_path):
    with training_in(tmp_path):
        status, text = tool('train', config_file(repository, 'vibe'), '--work-dir', tmp_path, *options('vibe'))
    assert status == 2, text
    assert f'{tmp_path}: another training runs in this folder' in text


@pytest.mark.training
def test_full_disk_while_a_checkpoint_is_written(tool, options, repository, tmp_path, monkeypatch):
    def write_on_a_full_disk(path, content):
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))  # the workers' shared memory is not limited
        try:
            write_bytes(path, content)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    monkeypatch.setattr('glot_plugin.framework.disk_backend.write_bytes', write_on_a_full_disk)
    status, text = tool('train', config_file(repository, 'vibe'), '--work-dir', tmp_path, *options('vibe'))
    assert status == 2, text
    assert f'error: {tmp_path}/epoch_1.pth: cannot be written (File too large; ' in text
    assert text.endswith('The run was stopped; the last good checkpoint: none was written yet\n')
    assert not list(tmp_path.glob('*.pth'))
    assert not list(tmp_path.glob('.*'))


@pytest.mark.training
def test_seeded_runs_are_equal(tool, options, repository, tmp_path):
    states = []
    for run in ('a', 'b'):
        arguments = ['--work-dir', tmp_path / run, '--seed', 3, *options('vibe_hscr')]
        status, text = tool('train', config_file(repository, 'vibe_hscr'), *arguments)
        assert status == 0, text
        states.append(torch.load(tmp_path / run / 'latest.pth', weights_only=False)['state_dict'])
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


@pytest.mark.parametrize(
    ('name', 'arguments', 'message'),
    [
        ('train', ['--amp'], '--amp is not for mmhuman3d configs'),
        ('test', ['x.pth', '--per-track', 't.csv'], '--per-track is not for mmhuman3d configs'),
        ('test', ['x.pth', '--protocol', 'both'], '--protocol both is not for mmhuman3d configs'),
        ('test', ['x.pth', '--inference', 'fast'], '--inference is not for mmhuman3d configs'),
        ('train', ['--launcher', 'pytorch'], 'on GPUs only'),
        ('train', ['--resume'], 'latest.pth: no such checkpoint'),
        ('train', ['--resume', 'nowhere.pth'], 'nowhere.pth: no such checkpoint'),
        ('test', ['nowhere.pth'], 'nowhere.pth: no such checkpoint'),
        ('train', ['model.head.type=HSCR'], "unknown type 'HSCR' in heads"),
        ('train', ['model.head.type=elsewhere.Head'], 'a type of an unknown scope'),
        ('train', ['model.head.width=3'], "unexpected keyword argument 'width'"),
        ('train', ['model.head.npose=132'], 'npose=132'),
        ('train', ['data.workers_per_gpu=0'], 'data.workers_per_gpu is 0, expected at least 1'),
        ('train', ['evaluation.save_best=pa-mpjpe'], "save_best='pa-mpjpe', expected one of its metrics: PA-MPJPE"),
        ('train', ['use_adversarial_train=False'], 'use_adversarial_train=False with several optimizers'),
        ('train', ['lr_config.policy=stairs'], "lr_config.policy='stairs', expected one of CosineAnnealing"),
        ('train', ['optimizer.head.type=Adamm'], "unknown type 'Adamm' in optimizer\n"),
        ('train', ['data.train.convention=coco'], "data.train.convention='coco'; expected one convention"),
        (
            'train',
            ['model.body_model_train.keypoint_dst=h36m'],
            "keypoint_dst='h36m', data.train.convention='smpl_49'",
        ),
        ('train', ['data.train.pipeline.0.keys=[features,bogus]'], 'data.train: its first sample cannot be read'),
        ('train', ['optimizer.disc.type=Adam'], 'optimizer has disc, but VideoBodyModelEstimator has no such part'),
        ('train', ['data.train.ann_file=nowhere'], 'nowhere: no such file'),
        ('train', ['--body-models', 'nowhere'], "smpl_mean_params='nowhere/smpl_mean_params.npz'"),
    ],
)
def test_bad_input_is_one_message(tool, options, repository, tmp_path, name, arguments, message):
    config = config_file(repository, 'vibe_hscr')
    keys = [item for item in arguments if '=' in item]
    rest = [item for item in arguments if '=' not in item]
    given = options('vibe_hscr')
    status, text = tool(name, config, *given, *keys, '--work-dir', tmp_path, *rest)
    assert status == 2, text
    assert message in text
    assert text.count('error:') == 1
    assert 'Traceback' not in text


@pytest.mark.parametrize('key', ['model.head.npose=132', 'model.head.feat_dim=1024', 'model.neck.input_size=64'])
def test_parts_of_mmhuman3d_that_do_not_fit_are_one_message(tool, options, repository, tmp_path, key):
    status, text = tool('train', config_file(repository, 'vibe'), *options('vibe'), key, '--work-dir', tmp_path)
    assert status == 2, text
    assert 'data.train: TemporalGRUEncoder and HMRHead do not accept its features (16, 2048) (RuntimeError' in text
    assert 'Traceback' not in text


def test_clips_of_several_lengths_are_refused(tool, options, repository, tmp_path):
    key = 'data.train.configs.0.seq_len=8'
    status, text = tool('train', config_file(repository, 'glot'), *options('glot'), key, '--work-dir', tmp_path)
    assert status == 2, text
    assert 'data.train.configs.0.seq_len=8, data.train.configs.1.seq_len=16; expected the same number' in text


@pytest.mark.training
def test_what_is_ignored_is_warned_about(tool, options, repository, tmp_path, caplog):
    config = tmp_path / 'ignored.py'
    config.write_text(
        f"_base_ = ['{config_file(repository, 'vibe')}']\n"
        'optimizer_config = dict(_delete_=True, grad_clip=dict(max_norm=1.0), cumulative_iters=4)\n'
        'fp16 = dict(loss_scale=512)\n'
        "optimizer = dict(_delete_=True, head=dict(type='Adam', lr=1e-4))\n"
    )
    status, text = tool('train', config, '--work-dir', tmp_path, *options('vibe'))
    assert status == 0, text
    warnings = [record.getMessage() for record in caplog.records if record.levelname == 'WARNING']
    for start in (
        "optimizer_config (grad_clip={'max_norm': 1.0}, cumulative_iters=4) has no effect",
        'fp16 has no effect',
        'model.neck has no optimizer, so it is not',
    ):
        assert any(warning.startswith(f'{config}: {start}') for warning in warnings), (start, warnings)


def test_checkpoints_must_fit(tool, options, repository, tmp_path):
    torch.save({'state_dict': {'head.fc9.weight': torch.zeros(1)}}, tmp_path / 'other.pth')
    arguments = [tmp_path / 'other.pth', '--work-dir', tmp_path, *options('vibe')]
    status, text = tool('test', config_file(repository, 'vibe'), *arguments)
    assert status == 2
    assert 'other.pth: does not fit the model of this config' in text
    assert 'head.fc9.weight' in text
    assert 'head.fc1.weight' in text
    (tmp_path / 'other.pth').write_bytes(b'half a file')
    status, text = tool('test', config_file(repository, 'vibe'), *arguments)
    assert status == 2
    assert 'other.pth: not a valid checkpoint' in text


def test_checkpoints_with_body_models_load(tool, options, repository, tmp_path, body_dir):
    """As mmhuman3d's own tools write them."""
    from glot_plugin.framework import launch
    from glot_plugin.framework.launch_model import build_model, load_weights

    arguments = options('vibe')
    keys = dict(item.split('=', 1) for item in map(str, arguments[3:]))
    keys = {key: int(value) if value.isdigit() else value for key, value in keys.items()}
    cfg = launch.load(config_file(repository, 'vibe'), keys, body_dir)
    from mmhuman3d.models.architectures.builder import build_architecture

    theirs = build_architecture(cfg.model)
    assert 'body_model_train.v_template' in theirs.state_dict()
    torch.save({'state_dict': theirs.state_dict()}, tmp_path / 'theirs.pth')
    ours = build_model(cfg)
    assert 'body_model_train.v_template' not in ours.state_dict()
    load_weights(ours, tmp_path / 'theirs.pth')
    assert torch.equal(ours.head.fc1.weight, theirs.head.fc1.weight)
