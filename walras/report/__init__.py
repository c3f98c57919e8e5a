"""The static report of a run folder. Reads the folder only: it knows no economy and no learner."""
