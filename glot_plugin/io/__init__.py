"""Reading untrusted files without running code from them, and writing files completely or not at all."""
