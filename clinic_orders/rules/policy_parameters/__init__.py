"""The table of policy parameters and the form of their values (rules section 13).

Every number that a bureau may change stands here with its default and what the default rests on.

>>> PARAMETERS["order.confirm_days"].default, PARAMETERS["order.confirm_days"].rests_on
('2', 'Shandong')
"""

from __future__ import annotations

from clinic_orders.rules.policy_parameters.forms import (
    CHOICE_LABELS,
    UNITS,
    Form,
    Parameter,
    Value,
)
from clinic_orders.rules.policy_parameters.table import (
    PARAMETERS,
)
from clinic_orders.rules.policy_parameters.values import (
    PolicyParameterUnknown,
    PolicyValueMissing,
    PolicyValueNotAmount,
    PolicyValueNotChoice,
    PolicyValueNotDay,
    PolicyValueNotRate,
    PolicyValueNotWhole,
    PolicyValueOutOfRange,
    PolicyValueRefused,
    parameter,
    parse_value,
)

__all__ = [
    "CHOICE_LABELS",
    "PARAMETERS",
    "UNITS",
    "Form",
    "Parameter",
    "PolicyParameterUnknown",
    "PolicyValueMissing",
    "PolicyValueNotAmount",
    "PolicyValueNotChoice",
    "PolicyValueNotDay",
    "PolicyValueNotRate",
    "PolicyValueNotWhole",
    "PolicyValueOutOfRange",
    "PolicyValueRefused",
    "Value",
    "parameter",
    "parse_value",
]
