"""The unit of work: entities are loaded, changed and written in one transaction, with an entry for each change."""
