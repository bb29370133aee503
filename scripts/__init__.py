"""Programs around the product: its API contract, measuring it, breaking it, and starting a module."""
