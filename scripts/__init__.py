"""Programs for developers: the API contract, benchmarks, load and crash tests, and the generator of modules."""
