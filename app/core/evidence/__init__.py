"""The evidence packet, as far as it needs no files: what is chosen, how it is told, and what its manifest says."""
