"""Reading files that others made without running code from them, and writing files whole or not at all."""
