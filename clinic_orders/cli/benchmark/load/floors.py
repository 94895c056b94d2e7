"""The bare SQL of one order: the rows that a real one wrote, under other keys, straight through the driver."""

from __future__ import annotations

import multiprocessing
import sqlite3
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, Table
from sqlalchemy.engine import make_url

from clinic_orders.actions.tuples import converters_of
from clinic_orders.cli.benchmark.submission import Copier, Rows

Statements = list[tuple[str, list[tuple[Any, ...]]]]
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=15000", "foreign_keys=ON")


def bare_orders(copier: Copier, engine: Engine, rows: Rows, count: int, processes: int) -> float:
    """Orders a second by bare SQL: each in a transaction of its own, so many processes at a time.

    The rows are ready as the driver takes them, one executemany a table; nothing is read or checked. The rows stay:
    it is measured in a copy that is thrown away.
    """
    share = count // processes
    jobs = [
        [_bare(engine, fresh) for fresh in copier.many(rows, share, first=place * share)]
        for place in range(processes)
    ]
    address = engine.url.render_as_string(hide_password=False)
    engine.dispose()
    context = multiprocessing.get_context("spawn")
    pipes = []
    for job in jobs:
        ours, theirs = context.Pipe()
        worker = context.Process(target=_insert_all, args=(theirs, address, job), daemon=True)
        worker.start()
        pipes.append((ours, worker))
    for ours, _ in pipes:
        ours.recv()
    began = time.perf_counter()
    for ours, _ in pipes:
        ours.send("go")
    for ours, worker in pipes:
        ours.recv()
        worker.join(30)
    return share * processes / (time.perf_counter() - began)


def _bare(engine: Engine, rows: Rows) -> Statements:
    mark = "?" if engine.dialect.name == "sqlite" else "%s"
    found: Statements = []
    for table, values in rows:
        names = list(values[0])
        places = ", ".join([mark] * len(names))
        columns = ", ".join(f'"{name}"' for name in names)
        statement = f'INSERT INTO "{table.name}" ({columns}) VALUES ({places})'  # noqa: S608 - our own names.
        found.append((statement, _tuples(engine, table, names, values)))
    return found


def _tuples(
    engine: Engine, table: Table, names: Sequence[str], values: Sequence[dict[str, Any]]
) -> list[tuple[Any, ...]]:
    converters = converters_of(table, names, engine.dialect)
    return [
        tuple(converters[name](row[name]) if name in converters else row[name] for name in names)
        for row in values
    ]


def _insert_all(pipe: Connection, address: str, job: list[Statements]) -> None:
    url = make_url(address)
    if url.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(url.database), isolation_level=None, timeout=15)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        pipe.send("ready")
        pipe.recv()
        for statements in job:
            connection.execute("BEGIN IMMEDIATE")
            for statement, rows in statements:
                connection.executemany(statement, rows)
            connection.execute("COMMIT")
        connection.close()
    else:
        host = url.query["host"]
        with psycopg.connect(host=str(host), user=url.username, dbname=url.database) as server:
            pipe.send("ready")
            pipe.recv()
            for statements in job:
                with server.transaction(), server.cursor() as cursor:
                    for text, rows in statements:
                        cursor.executemany(text.encode(), rows)
    pipe.send("done")
