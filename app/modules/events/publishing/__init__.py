"""Publishes events to a broker: the connection to it, who publishes and how far, and what an operator is told."""
