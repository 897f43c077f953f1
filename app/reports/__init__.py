"""What a person reads outside the browser: the report as a PDF, and the analysis as text in a terminal."""
