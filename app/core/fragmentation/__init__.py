"""Fragments → datagrams with their holes, one capture at a time (RFC 791, 815, 8200)."""
