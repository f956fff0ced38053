"""From the files that users have to track stores, HumanData and plain body models.

| file | what it does |
|---|---|
| `database_specs.py` | the databases by name, and what is taken from each |
| `convert.py` | a database as a track store |
| `databases.py`, `joblib_file.py`, `instavariety.py` | opening databases: no code in them runs, arrays stay on disk |
| `columns.py`, `tracks.py`, `keypoint_conventions.py` | arrays in slices, rows as tracks, joints as the 49 |
| `raw_sets.py` | the raw data sets by name, which mmhuman3d's converters read |
| `human_data.py` | a track store as HumanData |
| `body_model.py` | SMPL's files as plain `.npz` |

What needs mmhuman3d: HumanData as a track store, `glot_plugin.framework.converters`, and raw data sets as HumanData,
`glot_plugin.framework.raw_sets`.
"""

from glot_plugin.converters.body_model import convert_body_model
from glot_plugin.converters.convert import convert_database, convert_databases, databases_in
from glot_plugin.converters.database_specs import DATABASES, DatabaseSpec, find_databases
from glot_plugin.converters.human_data import export_human_data

__all__ = [
    'DATABASES',
    'DatabaseSpec',
    'convert_body_model',
    'convert_database',
    'convert_databases',
    'databases_in',
    'export_human_data',
    'find_databases',
]
