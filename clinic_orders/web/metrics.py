"""What a watcher counts: requests and their seconds by endpoint, and the state of the work behind the scenes.

Every web process counts for itself; ``serve`` gives them a folder to count in (prometheus-client's multiprocess mode),
so that whichever process is asked answers for all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from shutil import disk_usage
from typing import Any

from flask import Flask, current_app, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from werkzeug.wrappers import Response

from clinic_orders.config import METRICS_FOLDER
from clinic_orders.queries.jobs import last_done_slots
from clinic_orders.queries.replica import replica_state
from clinic_orders.queries.waiting_work import failed_runs, waiting_work
from clinic_orders.web.request_log import seconds

# From a page out of memory to a long export; a goal of 1 s must be readable.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Meters:
    """The counters of this process."""

    registry: CollectorRegistry
    requests: Counter
    seconds: Histogram


def make_meters() -> Meters:
    """Counters in a registry of their own, so that several applications in one process do not disturb each other."""
    registry = CollectorRegistry()
    labels = ("endpoint", "method")
    return Meters(
        registry,
        Counter(
            "clinic_orders_requests",
            "Requests answered.",
            (*labels, "status"),
            registry=registry,
        ),
        Histogram(
            "clinic_orders_request_seconds",
            "Seconds from a request to its answer.",
            labels,
            buckets=BUCKETS,
            registry=registry,
        ),
    )


class _State(Collector):
    """What the database and the disk say at this moment."""

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily(
            "clinic_orders_job_last_done_timestamp_seconds",
            "The newest slot of a scheduled job that ended well.",
            labels=["job"],
        )
        for name, slot in sorted(last_done_slots().items()):
            jobs.add_metric([name], slot.timestamp())
        yield jobs
        work = GaugeMetricFamily(
            "clinic_orders_waiting_work", "Work behind the scenes that waits or runs.", labels=["kind"]
        )
        for kind, count in waiting_work().items():
            work.add_metric([kind], count)
        yield work
        yield GaugeMetricFamily(
            "clinic_orders_failed_job_runs", "Runs of jobs that failed and were not repeated.", failed_runs()
        )
        behind = replica_state()
        if behind is not None:
            yield GaugeMetricFamily(
                "clinic_orders_replica_up", "Whether the replica answers and follows.", int(behind.answers)
            )
        if behind is not None and behind.seconds is not None:
            yield GaugeMetricFamily(
                "clinic_orders_replica_lag_seconds",
                "How old the replica's newest change is while it lacks later ones.",
                behind.seconds,
            )
        usage = disk_usage(current_app.extensions["settings"].instance)
        yield GaugeMetricFamily(
            "clinic_orders_disk_free_bytes", "Free room where the instance folder lies.", usage.free
        )


def exposition() -> bytes:
    """Everything in Prometheus' text form."""
    meters: Meters = current_app.extensions["meters"]
    if METRICS_FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry = meters.registry
    state = CollectorRegistry()
    state.register(_State())
    return bytes(generate_latest(registry)) + bytes(generate_latest(state))


def _count(response: Response) -> Response:
    meters: Meters = current_app.extensions["meters"]
    # An address without a page must not make a new name for each try.
    endpoint, method = request.endpoint or "none", request.method if request.endpoint else "any"
    meters.requests.labels(endpoint, method, str(response.status_code)).inc()
    meters.seconds.labels(endpoint, method).observe(seconds())
    return response


def init_app(app: Flask) -> None:
    """Count every answer."""
    meters: Any = make_meters()
    app.extensions["meters"] = meters
    app.after_request(_count)
