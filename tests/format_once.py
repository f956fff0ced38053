"""Each text of a config is formatted once.

mmengine formats a run's config seven times, and again for every checkpoint; that takes longer than the runs of tests.
mmengine and mmcv take the function from this module when they are imported.
"""

from yapf.yapflib import yapf_api

_format, _formatted = yapf_api.FormatCode, {}


def _format_once(*args: object, **options: object) -> tuple[str, bool]:
    key = repr((args, options))
    if key not in _formatted:
        _formatted[key] = _format(*args, **options)
    return _formatted[key]


yapf_api.FormatCode = _format_once
