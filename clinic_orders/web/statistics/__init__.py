"""The statistics on screen: months, the rows behind every figure, fulfilment by batch and item, what is in scope."""

from clinic_orders.web.statistics import months, rows, scope, volumes
from clinic_orders.web.statistics.door import blueprint

__all__ = ["blueprint", "months", "rows", "scope", "volumes"]
