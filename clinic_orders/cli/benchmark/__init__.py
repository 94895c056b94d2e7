"""What ``clinic-orders bench web`` measures (docs/performance.md). Only ratios inside one run mean anything."""
