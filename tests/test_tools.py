"""The command-line tools: help, output, and what they say of bad input."""

import pytest

TOOLS = (
    'train',
    'test',
    'ablate',
    'demo',
    'benchmark',
    'check_clip',
    'check_data',
    'convert_body_model',
    'convert_checkpoint',
    'convert_datasets',
    'export',
    'export_model',
    'extract_features',
    'figures',
    'list_models',
    'list_parts',
    'make_synthetic',
    'report',
    'view',
)


@pytest.mark.parametrize('tool', TOOLS)
def test_help(start_tool, tool):
    """Each tool starts on its own, whatever the others import."""
    result = start_tool(tool, '--help')
    assert result.status == 0, result.err
    assert f'usage: {tool}.py' in result.out


def test_errors_are_one_message_and_status_2(run_process):
    result = run_process('tools/train.py', 'absent.py')
    assert result.status == 2
    assert result.err.strip().endswith('error: absent.py: no such config')
    assert 'Traceback' not in result.err


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('train', 'absent.py', '--cfg-options', 'a=1', 'foo'), "--cfg-options: found 'foo', expected KEY=VALUE"),
        (('train', 'absent.py', '--cfg-options', 'a=[1,2'), "--cfg-options: found 'a=[1,2', expected KEY=VALUE"),
        (('make_synthetic', '--train-frames', '0'), '--train-frames 0: expected at least 1'),
        # Before anything runs, and so before the config is read.
        (('test', 'absent.py', 'a.pth', '--out', 'README.md/a.json'), '--out README.md: cannot be written to'),
        (('test', 'absent.py', 'a.pth', '--per-track', 'docs'), '--per-track docs: a folder, expected the name of'),
        (
            ('test', 'absent.py', 'a.pth', '--per-track', 't.csv', '--inference', 'exact', 'fast'),
            '--per-track: the file is for one mode, and --inference has exact, fast',
        ),
    ],
)
def test_bad_arguments_name_the_option(run_tool, monkeypatch, repository, arguments, message):
    monkeypatch.chdir(repository)
    result = run_tool(*arguments)
    assert result.status == 2
    assert message in result.err
    assert 'Traceback' not in result.err


def test_list_of_parts_is_up_to_date(repository):
    from glot_plugin.reports.parts_list import parts_page

    page = (repository / 'docs' / 'parts.md').read_text()
    assert page == parts_page(), 'run `make parts`'
