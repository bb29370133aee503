"""The feed: sealed changes in the order of the log, for readers that follow it."""
