"""From what a person uploads to plain files, whatever is in it; `bundles.unpack` is the way in."""
