"""Inspections 利剑行动: plans, visits, the checklist, the draw, the risk, the record and what becomes of it (R-CASE-5).

``steps`` the tables of plans and visits · ``drawing`` who is visited by whom, repeatable by anybody from its seed ·
``risk`` whom it is worth visiting first, with its sum · ``checklist`` what is looked at · ``record`` answers and
signatures.
"""
