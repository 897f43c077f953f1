"""Captures of one case → points in path order, clocks as bands, and the fate of every fragment at every point."""
