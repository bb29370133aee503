"""The summary of jobs: what waits and for how long, what runs, and how the jobs of the last day ended."""
