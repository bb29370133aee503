"""Jobs: work that outlives its request, stored with what asked for it."""

from app.modules.jobs.models import Job, JobState

__all__ = ["Job", "JobState"]
