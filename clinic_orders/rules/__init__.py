"""The law of the scheme in plain Python: no database, no web, no clock, no settings."""
