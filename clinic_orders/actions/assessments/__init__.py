"""Deeds of the annual assessment (R-STAT-3): open and reckon, score, publish, appeal, settle."""

from clinic_orders.actions.assessments.appealing import decide_appeal, file_appeal
from clinic_orders.actions.assessments.deciding import (
    ask_to_reckon_assessment,
    finish_assessment,
    go_on_site,
    open_assessment,
    publish_assessment,
    remind_of_self_scores,
)
from clinic_orders.actions.assessments.reckoning import keep_assessment
from clinic_orders.actions.assessments.scoring import score_on_site, score_self

__all__ = [
    "ask_to_reckon_assessment",
    "decide_appeal",
    "file_appeal",
    "finish_assessment",
    "go_on_site",
    "keep_assessment",
    "open_assessment",
    "publish_assessment",
    "remind_of_self_scores",
    "score_on_site",
    "score_self",
]
