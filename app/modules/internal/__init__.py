"""Endpoints for other internal services."""
