"""Jobs about money: reminders, holds, what is owed, statements of account, links to pay by."""

from __future__ import annotations

from datetime import date, datetime

from flask import current_app

from clinic_orders.actions import payables, payment_holds, payment_links, payment_reminders
from clinic_orders.actions import statements as statement_deeds
from clinic_orders.exchange.alipay import Gateway, account_of, is_on
from clinic_orders.jobs.job import Outcome, each
from clinic_orders.queries import arrears
from clinic_orders.queries import payment_links as link_questions
from clinic_orders.queries import statements as statement_questions
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.rules.payment_links import Verdict


def remind_of_payments(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Remind of what falls due in 7, 3 and 1 days and of what fell due, once for each receipt (section 12)."""
    found = arrears.receipts_to_remind(as_of, sent_on=day_in_china(at))

    def deed(pair: arrears.Pair) -> None:
        payment_reminders.remind_of_payments(*pair, for_day=as_of, by=SYSTEM, at=at)

    each(sorted(found), deed, outcome)


def look_at_payment_holds(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Begin and end the holds that overdue money puts on orders (R-PAY-5)."""
    found = arrears.pairs_to_look_at(on=day_in_china(at))
    each(found, lambda pair: payment_holds.look_at_hold(*pair, by=SYSTEM, at=at), outcome)


def keep_payables(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Lay the money of those out anew whose receipts, returns or payments have changed, or whose day has come."""
    outcome.changed = outcome.rows_read = payables.keep_payables(by=SYSTEM, at=at)


def make_statements(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Make the statements of account of the month before and tell both sides."""
    month = Month.of(as_of).previous()
    found = statement_questions.distributors_with_account(month)
    each(
        found,
        lambda distributor: statement_deeds.make_statements(distributor, month, by=SYSTEM, at=at),
        outcome,
    )


def ask_for_payments(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Ask the gateway about the links whose message has not come, and close those that are over."""
    settings = current_app.extensions["settings"]

    def deed(link: tuple[str, str, datetime]) -> None:
        number, code, expires_at = link
        account = account_of(settings, code)
        if account is None:
            return
        gateway = Gateway(settings, account)
        notice, fields = gateway.ask(number, at=at)
        verdict = payment_links.take_message(notice, fields, asked=True, by=SYSTEM, at=at)
        if verdict is Verdict.WAITING and expires_at <= at:
            gateway.close(number, at=at)
            payment_links.close_link(number, by=SYSTEM, at=at)

    each(link_questions.open_links() if is_on(settings) else [], deed, outcome)
