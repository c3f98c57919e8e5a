"""L4: policy. What a government may choose, what it is worth, who finds the best, and what it can be believed to do."""
