"""The rules are plain functions: no database, no application, milliseconds."""

from hypothesis import settings

# Several people's test runs share few cores; a slow moment is not a wrong rule.
settings.register_profile("rules", deadline=None)
settings.load_profile("rules")
