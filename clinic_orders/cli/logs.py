"""How the server and the scheduler write their log: one JSON object a line on standard error, or words for a person."""

from __future__ import annotations

import logging
import logging.config

import structlog

from clinic_orders.config import Settings


def set_up_logs(settings: Settings) -> None:
    """Give every line of the log one form, with the number of the request it belongs to.

    Args:
        settings: ``log_format`` says json or text, ``log_level`` from which level on.

    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        # Tracebacks name places in the code only; the values of variables may be somebody's data.
        last: list[structlog.typing.Processor] = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    else:
        last = [
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        ]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "lines": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
            "root": {"handlers": ["stderr"], "level": settings.log_level},
            # They tell every page break and every look at the clock.
            "loggers": {
                name: {"level": "WARNING"}
                for name in ("weasyprint", "fontTools", "apscheduler", "alembic", "gunicorn", "werkzeug")
            },
        }
    )
