"""Readers of one kind of source each: lines or rows in, frozen records out."""
