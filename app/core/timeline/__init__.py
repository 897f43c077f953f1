"""One session as a ladder: a model of places and texts, without colours."""
