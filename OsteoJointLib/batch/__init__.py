"""Many CTs into one table, by workers side by side."""
