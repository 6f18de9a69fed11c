"""The paper's tables and figures, each one command and one file: ``learning_rates``, ``modules``, ``roi_baselines``, …"""
