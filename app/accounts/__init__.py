"""Accounts: how somebody is let in, and what is remembered of it. Values and rows; pages are in `app.web`."""
