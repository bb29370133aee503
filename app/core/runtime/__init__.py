"""The process: logging, periodic tasks, concurrency limits, Redis, and what modules declare about themselves."""
