"""Clinic Orders: ordering, delivery and supervision of centrally procured medicines (三进)."""
