"""L0: what everything else stands on. Nothing here knows what an economy is."""
