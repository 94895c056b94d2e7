"""The questions: read only, always asked for somebody."""
