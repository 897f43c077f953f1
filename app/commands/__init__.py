"""The commands of `eadscope`, one module each; `app.cli` puts them together."""
