"""The worker: a process that answers requests by lines of JSON, with the CT and the networks kept warm."""
