"""L5: figures, tables and the static page; reads run folders only."""
