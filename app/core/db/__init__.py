"""The database: engine, sessions, entities, column types, queries, pages and migrations. Knows no HTTP."""
