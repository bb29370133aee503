"""SQLAlchemy's ORM with SQLAlchemy-Continuum, or without."""
