"""The night's work: jobs, when they run, and how a run is made (rules section 12).

A job asks a question and calls a deed for each answer, each in its own transaction, so that one bad record does
not stop the night. Every job is safe to run twice. The scheduler is its own process.
"""

from clinic_orders.jobs.job import Job, Outcome
from clinic_orders.jobs.running import (
    CATCH_UP,
    catch_up,
    missed_nights,
    missed_slots,
    run_now,
    run_slot,
    worker_name,
)
from clinic_orders.jobs.schedule import JOBS, find_job

__all__ = [
    "CATCH_UP",
    "JOBS",
    "Job",
    "Outcome",
    "catch_up",
    "find_job",
    "missed_nights",
    "missed_slots",
    "run_now",
    "run_slot",
    "worker_name",
]
