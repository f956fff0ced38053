"""Conversion of the files that users have to track stores, HumanData and plain body models.

| file | what it does |
|---|---|
| `database_specs.py` | the databases by name, and what is read from each |
| `convert.py` | converting a database to a track store |
| `databases.py`, `joblib_file.py`, `instavariety.py` | opening databases: no code in them runs, arrays stay on disk |
| `columns.py`, `tracks.py`, `keypoint_conventions.py` | array slices, rows as tracks, joints as the 49 of SPIN |
| `raw_sets.py` | the raw data sets by name, which mmhuman3d's converters read |
| `human_data.py` | converting a track store to HumanData |
| `body_model.py` | converting SMPL's files to plain `.npz` |

Two conversions require mmhuman3d: HumanData to track stores (`glot_plugin.framework.converters`) and raw data sets to
HumanData (`glot_plugin.framework.raw_sets`).
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
