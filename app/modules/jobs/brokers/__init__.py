"""Brokers, which tell workers that there are jobs. What they lose or repeat only changes when a job runs."""
