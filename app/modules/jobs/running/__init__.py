"""Running jobs: leases, attempts, and how they end."""
