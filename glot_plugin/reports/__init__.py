"""Results in tables: beside the published figures, and the list of the registered parts."""
