"""What else is drawn of a case: path, plots, fragment boxes; models without colours."""
