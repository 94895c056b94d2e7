"""The rehearsal of a province: nginx, two web servers, PgBouncer, a primary that dies, a replica that takes its place."""

from __future__ import annotations

import pytest

from scripts.province import missing, rehearse


@pytest.mark.postgres
@pytest.mark.skipif(
    bool(missing()), reason=f"{' and '.join(missing())} not installed, and make test could not install them"
)
def test_nothing_acknowledged_is_lost_when_the_replica_takes_the_primarys_place() -> None:
    seen = rehearse(clinics=2, deeds=4)
    assert seen.faults == []
    before, after = seen.deeds
    assert 8 <= before < after
    assert sum("数据取自统计备库" in line for line in seen.lines) == 1
    assert sum("数据取自主库" in line for line in seen.lines) == 1
