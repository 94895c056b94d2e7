"""Cases: who sees which, lists, one case from inside, the text of its letters, what can be collected (R-CASE).

``visible`` who sees what and stands where · ``lists`` cases and a party's letters · ``detail`` one case ·
``standards`` the policy behind its findings · ``content`` the text of a letter · ``collecting`` findings for drafts ·
``levels`` the figure for the statistics.
"""

from __future__ import annotations

from clinic_orders.queries.cases.collecting import (
    Party,
    accused,
    deadlines_over,
    draft_of,
    findings_beside,
    findings_to_collect,
    in_no_case,
    lagging_items,
    of_party,
    parties_to_collect,
    rechecks_due,
)
from clinic_orders.queries.cases.content import content_of, county_of, issuing_county
from clinic_orders.queries.cases.detail import (
    Filed,
    answers_of,
    case_by_id,
    cases_of_findings,
    events_of,
    find_attachment,
    find_letter,
    findings_of,
    letter_by_number,
    letter_by_token,
    letters_of,
)
from clinic_orders.queries.cases.levels import reached_levels
from clinic_orders.queries.cases.lists import (
    LETTER_SORTS,
    SORTS,
    CaseRow,
    CasesCounted,
    CasesWanted,
    LetterRow,
    LettersWanted,
    Unsigned,
    cases,
    count_cases,
    count_letters,
    find_case,
    letters,
    unsigned_letters,
    unsigned_question,
    waiting_question,
)
from clinic_orders.queries.cases.standards import Standard, documents, standards_of, unconfirmed
from clinic_orders.queries.cases.visible import (
    cases_visible_to,
    last_letter,
    last_letter_out,
    letters_visible_to,
    sides_of,
)

__all__ = [
    "LETTER_SORTS",
    "SORTS",
    "CaseRow",
    "CasesCounted",
    "CasesWanted",
    "Filed",
    "LetterRow",
    "LettersWanted",
    "Party",
    "Standard",
    "Unsigned",
    "accused",
    "answers_of",
    "case_by_id",
    "cases",
    "cases_of_findings",
    "cases_visible_to",
    "content_of",
    "count_cases",
    "count_letters",
    "county_of",
    "deadlines_over",
    "documents",
    "draft_of",
    "events_of",
    "find_attachment",
    "find_case",
    "find_letter",
    "findings_beside",
    "findings_of",
    "findings_to_collect",
    "in_no_case",
    "issuing_county",
    "lagging_items",
    "last_letter",
    "last_letter_out",
    "letter_by_number",
    "letter_by_token",
    "letters",
    "letters_of",
    "letters_visible_to",
    "of_party",
    "parties_to_collect",
    "reached_levels",
    "rechecks_due",
    "sides_of",
    "standards_of",
    "unconfirmed",
    "unsigned_letters",
    "unsigned_question",
    "waiting_question",
]
