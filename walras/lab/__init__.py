"""L5: experiments, run folders, checkpoints."""
