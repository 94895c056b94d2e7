"""What ``clinic-orders bench`` measures (docs/performance.md). Only ratios inside one run mean anything."""
