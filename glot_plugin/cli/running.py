"""Running a tool: how errors and interruptions end it, and with which exit status."""

import os
import sys
from collections.abc import Callable

from glot_plugin.engine.distributed import leave_distributed
from glot_plugin.errors import InputError, NonFiniteLossError
from glot_plugin.io.files import NO_ROOM


def run(main: Callable[[], None]) -> None:
    """Run a tool: bad input or a full disk ends it with one message and status 2, an interruption with status 130."""
    try:
        main()
        leave_distributed()
        sys.stdout.flush()
    except (InputError, NonFiniteLossError) as error:
        # The distributed launcher kills the other processes when one exits.
        print(f'error: {error}', file=sys.stderr, flush=True)
        sys.exit(2)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr, flush=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        # For example stdout redirected to a file on the full disk; it cannot be flushed at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        what = error.filename or 'the output'
        print(f'error: {what}: cannot be written ({error.strerror})', file=sys.stderr, flush=True)
        sys.exit(2)
