"""Other addresses, MACs and users in place of the real ones, the same everywhere. Pure: bytes and texts in and out."""
