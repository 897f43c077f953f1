"""The evidence packet: extracts of a case's files, what they show, and everything to repeat the analysis."""
