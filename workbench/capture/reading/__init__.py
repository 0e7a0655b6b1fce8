"""Reading event logs that others wrote: opening, guessing the format and the mapping, columns."""
