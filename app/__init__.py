"""EADScope: finds out, from logs and captures, where an EAD security check was lost."""

__version__ = "1.0.0"
