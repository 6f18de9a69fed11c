"""The paper's tables and figures, each one command and one file, such as ``learning_rates`` and ``modules``."""
