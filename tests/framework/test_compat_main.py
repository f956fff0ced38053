"""`python -m glot_plugin.framework SCRIPT ARGS…`."""

import pytest

from glot_plugin.framework.__main__ import main

SCRIPT = """
import sys
from next_to_it import NAME
print(__name__, NAME, sys.argv, 'glot_plugin.framework' in sys.modules)
raise SystemExit(3)
"""


def test_runs_a_script_as_python_would(run_process, tmp_path):
    (tmp_path / 'script.py').write_text(SCRIPT)
    (tmp_path / 'next_to_it.py').write_text("NAME = 'a neighbour'")
    command = ['-m', 'glot_plugin.framework', tmp_path / 'script.py', '--help', '-x', '1']
    done = run_process(*command, cwd=tmp_path.parent)
    assert done.status == 3, done.err
    assert f"__main__ a neighbour ['{tmp_path / 'script.py'}', '--help', '-x', '1'] True" in done.out


@pytest.mark.parametrize('option', ['-h', '--help'])
def test_help_without_a_script(capsys, option):
    with pytest.raises(SystemExit) as stopped:
        main([option])
    assert stopped.value.code == 0
    assert 'SCRIPT [ARGS ...]' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'error'),
    [
        ([], 'no SCRIPT given'),
        (['tools/no_such_script.py', 'config.py'], 'tools/no_such_script.py: no such script'),
        (['--config', 'x.py'], 'found the option --config'),
        (['.'], '.: no such script'),
    ],
)
def test_bad_calls_are_one_error(capsys, arguments, error):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert error in printed.err
    assert printed.out == ''
