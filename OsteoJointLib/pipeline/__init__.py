"""The one way from a CT to a result: the reader, its stages, and the record of each level that fills up."""
