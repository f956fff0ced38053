"""Running a tool: what ends it, and with which status."""

import os
import sys
from collections.abc import Callable

from glot_plugin.engine.distributed import leave_distributed
from glot_plugin.errors import InputError, NonFiniteLossError


def run(main: Callable[[], None]) -> None:
    """Run a tool: bad input ends it with one message and status 2, an interruption with status 130."""
    try:
        main()
        leave_distributed()
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
