"""The throw-away PostgreSQL of a test run; the same one that measurements use."""

from __future__ import annotations

from clinic_orders.cli.throwaway_postgres import Cluster, cluster

__all__ = ["Cluster", "cluster"]
