"""Pages of a log that are read by pieces, where what matches is rare and no index has it."""
