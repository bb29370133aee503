"""Follows the sealed changes for each webhook, and asks for the deliveries of its events."""
