"""The paths by which an orchestrator asks about a process. They never get a 429."""

LIVENESS, READINESS = "/healthz", "/readyz"
PROBES = frozenset({LIVENESS, READINESS})
