"""The console's front door: ``clinic-orders`` and ``python -m clinic_orders`` are the same."""

from __future__ import annotations

from clinic_orders.app import create_app
from clinic_orders.cli import run


def main() -> None:
    """Run the command that was typed; see docs/architecture.md and ``clinic-orders --help``."""
    run(create_app)


if __name__ == "__main__":
    main()
