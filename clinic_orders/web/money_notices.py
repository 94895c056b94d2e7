"""What the notices about money in the inbox say: payments, refunds, holds, statements of account."""

from __future__ import annotations

from clinic_orders.rules.errors import N_
from clinic_orders.web.display import NoticeText, period, register_notices
from clinic_orders.web.notice_texts import day_of, yuan_of

register_notices(
    {
        "payment_entered": NoticeText(
            N_("Payment to confirm"),
            N_(
                "%(party)s has recorded a payment of %(amount)s yuan on %(paid_on)s: %(payment_no)s. Confirm it, or say what is wrong."
            ),
            {"amount": yuan_of, "paid_on": day_of},
        ),
        "payment_confirmed": NoticeText(
            N_("Your payment entry is confirmed"),
            N_("%(party)s has confirmed %(payment_no)s: %(amount)s yuan on %(paid_on)s."),
            {"amount": yuan_of, "paid_on": day_of},
        ),
        "payment_disputed": NoticeText(
            N_("Your payment entry is disputed"),
            N_(
                "%(party)s disputes %(payment_no)s (%(amount)s yuan on %(paid_on)s): %(reason)s. After 5 working days it counts no more."
            ),
            {"amount": yuan_of, "paid_on": day_of},
        ),
        "payment_upheld": NoticeText(
            N_("Payment upheld"),
            N_("The bureau has decided that %(payment_no)s counts: %(amount)s yuan on %(paid_on)s."),
            {"amount": yuan_of, "paid_on": day_of},
        ),
        "payment_rejected": NoticeText(
            N_("Payment not recognised"),
            N_(
                "The bureau has decided that %(payment_no)s does not count: %(amount)s yuan on %(paid_on)s. Why: %(reason)s"
            ),
            {"amount": yuan_of, "paid_on": day_of},
        ),
        "refund_entered": NoticeText(
            N_("Refund to confirm"),
            N_(
                "%(party)s has recorded a refund of %(amount)s yuan on %(paid_on)s: %(payment_no)s. Confirm it, or say what is wrong."
            ),
            {"amount": yuan_of, "paid_on": day_of},
        ),
        "refund_confirmed": NoticeText(
            N_("Your refund entry is confirmed"),
            N_("%(party)s has confirmed %(payment_no)s: %(amount)s yuan on %(paid_on)s."),
            {"amount": yuan_of, "paid_on": day_of},
        ),
        "refund_disputed": NoticeText(
            N_("Your refund entry is disputed"),
            N_(
                "%(party)s disputes %(payment_no)s (%(amount)s yuan on %(paid_on)s): %(reason)s. After 5 working days it counts no more."
            ),
            {"amount": yuan_of, "paid_on": day_of},
        ),
        "refund_upheld": NoticeText(
            N_("Refund upheld"),
            N_("The bureau has decided that %(payment_no)s counts: %(amount)s yuan on %(paid_on)s."),
            {"amount": yuan_of, "paid_on": day_of},
        ),
        "refund_rejected": NoticeText(
            N_("Refund not recognised"),
            N_(
                "The bureau has decided that %(payment_no)s does not count: %(amount)s yuan on %(paid_on)s. Why: %(reason)s"
            ),
            {"amount": yuan_of, "paid_on": day_of},
        ),
        "refund_withdrawn": NoticeText(
            N_("Refund entry taken back"),
            N_("%(party)s has taken %(payment_no)s back: %(amount)s yuan on %(paid_on)s count no more."),
            {"amount": yuan_of, "paid_on": day_of},
        ),
        "payment_by_link": NoticeText(
            N_("Paid by Alipay"),
            N_(
                "%(amount)s yuan were paid by Alipay on %(paid_on)s: %(payment_no)s, %(party)s. It is recorded and confirmed."
            ),
            {"amount": yuan_of, "paid_on": day_of},
        ),
        "payment_link_paid_twice": NoticeText(
            N_("A payment link was paid twice"),
            N_(
                "Alipay reports a second payment of %(told)s yuan for %(number)s to %(distributor)s (%(trade_no)s). Only the first one counts: have the second sent back, or record it."
            ),
            {"amount": yuan_of, "told": yuan_of},
        ),
        "payment_link_other_amount": NoticeText(
            N_("A payment link was paid with another sum"),
            N_(
                "Alipay reports %(told)s yuan for %(number)s to %(distributor)s, where %(amount)s were asked for (%(trade_no)s). Nothing was marked paid: look, and record what was really paid."
            ),
            {"amount": yuan_of, "told": yuan_of},
        ),
        "payment_link_refunded": NoticeText(
            N_("A payment by Alipay was sent back"),
            N_(
                "Alipay reports money sent back of %(number)s to %(distributor)s (%(trade_no)s). The payment still counts here: settle what is owed now."
            ),
            {"amount": yuan_of, "told": yuan_of},
        ),
        "payment_withdrawn": NoticeText(
            N_("Payment entry taken back"),
            N_("%(party)s has taken %(payment_no)s back: %(amount)s yuan on %(paid_on)s count no more."),
            {"amount": yuan_of, "paid_on": day_of},
        ),
        "payment_due_soon": NoticeText(
            N_("Payment is coming due"),
            N_("To %(distributor)s: %(amount)s yuan for %(count)s receipts, to be paid by %(due_on)s."),
            {"amount": yuan_of, "due_on": day_of},
        ),
        "payment_overdue": NoticeText(
            N_("Payment is past its due day"),
            N_(
                "To %(distributor)s: %(amount)s yuan for %(count)s receipts were to be paid by %(due_on)s. Pay and record it; ask for a return if goods were wrong."
            ),
            {"amount": yuan_of, "due_on": day_of},
        ),
        "payment_overdue_and_due": NoticeText(
            N_("Payment is past its due day"),
            N_(
                "To %(distributor)s: %(amount)s yuan for %(count)s receipts were to be paid by %(due_on)s; %(soon_amount)s yuan more for %(soon_count)s receipts by %(soon_due_on)s."
            ),
            {"amount": yuan_of, "due_on": day_of, "soon_amount": yuan_of, "soon_due_on": day_of},
        ),
        "receivable_overdue": NoticeText(
            N_("Money is past its due day"),
            N_(
                "%(payer)s has not paid %(amount)s yuan for %(count)s receipts, due since %(due_on)s. It has been told."
            ),
            {"amount": yuan_of, "due_on": day_of},
        ),
        "payment_hold_began": NoticeText(
            N_("Orders stopped for overdue money"),
            N_(
                "%(payer)s owes %(distributor)s %(amount)s yuan, due since %(since)s, for more than %(days)s days. Orders open again as soon as it is paid and recorded; urgent medicines can be ordered now."
            ),
            {"amount": yuan_of, "since": day_of},
        ),
        "payment_hold_ended": NoticeText(
            N_("Orders are open again"),
            N_("The hold on %(payer)s for what it owed %(distributor)s has ended."),
        ),
        "statement_ready": NoticeText(
            N_("Statement of account is ready"),
            N_(
                "The statement of %(month)s with %(distributor)s is ready: closing balance %(closing)s yuan. Confirm it, or say what differs."
            ),
            {"closing": yuan_of, "month": period},
        ),
        "statements_ready": NoticeText(
            N_("Statements of account are ready"),
            N_("%(count)s statements of %(month)s are ready. Confirm them, or say what differs."),
            {"month": period},
        ),
        "statement_confirmed": NoticeText(
            N_("Statement of account confirmed"),
            N_(
                "%(party)s has confirmed the statement of %(month)s: closing balance %(closing)s yuan. Your word is missing."
            ),
            {"closing": yuan_of, "month": period},
        ),
        "statement_agreed": NoticeText(
            N_("Statement of account confirmed by both sides"),
            N_("%(party)s has confirmed the statement of %(month)s too: closing balance %(closing)s yuan."),
            {"closing": yuan_of, "month": period},
        ),
        "statement_disputed": NoticeText(
            N_("Statement of account differs"),
            N_("%(party)s says of the statement of %(month)s: %(reason)s"),
            {"month": period},
        ),
    }
)
