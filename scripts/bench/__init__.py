"""Attest beside a bare FastAPI + SQLAlchemy application, interleaved on the same machine and database kind."""
