"""Scorecards of distributors on screen and on paper: the figures, twelve months of them, the lines behind them."""

from clinic_orders.web.scorecards import cards, lines
from clinic_orders.web.scorecards.door import blueprint

__all__ = ["blueprint", "cards", "lines"]
