"""`python -m glot_plugin.framework SCRIPT ARGS…`: run a script that uses mmhuman3d, on current Python.

The script runs as `python SCRIPT ARGS…` would, after `import glot_plugin.framework`; with torch's launcher,
`torchrun -m glot_plugin.framework SCRIPT ARGS…`.
"""

import runpy
import sys
from pathlib import Path

USAGE = """usage: python -m glot_plugin.framework SCRIPT [ARGS ...]

Run a Python script that uses mmhuman3d (its own tools/train.py, say) on current Python, torch and numpy:
as `python SCRIPT ARGS ...`, with `import glot_plugin.framework` before it."""


def main(arguments: list[str]) -> None:
    """Run the script `arguments[0]` with the arguments after it.

    Raises:
        SystemExit: Status 0 for help; 2 for a missing script or an option in its place.
    """
    if arguments and arguments[0] in ('-h', '--help'):
        print(USAGE)
        raise SystemExit(0)
    if not arguments:
        _refuse(f'{USAGE}\n\nerror: no SCRIPT given')
    script = arguments[0]
    if script.startswith('-'):
        _refuse(f'error: expected a SCRIPT, found the option {script}; options of the script come after it')
    if not Path(script).is_file():
        _refuse(f'error: {script}: no such script')
    sys.argv = list(arguments)
    # As for `python SCRIPT`: modules next to the script are found, not those of the current folder.
    sys.path[0] = str(Path(script).resolve().parent)
    runpy.run_path(script, run_name='__main__')


def _refuse(message: str) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(2)


if __name__ == '__main__':
    main(sys.argv[1:])
