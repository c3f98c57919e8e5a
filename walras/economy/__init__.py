"""L2: the waist. What an economy is, and the one `period` through which all of them run."""
