"""L1: numerical pieces that know nothing of economics."""
