"""Jobs: work that outlives its request, stored with what asked for it."""
