"""One rule a file; each exports `RULE`. `app.core.diagnosis.RULES` lists them in order of importance."""
