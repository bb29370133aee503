"""The summary: answers from roll-ups."""
