"""The timeline: what both logs know of one actor, in one list."""
