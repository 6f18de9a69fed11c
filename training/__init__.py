"""Training of OsteoJoint's two networks on phantoms, and the evaluation of the shipped weights.

Run it as ``python -m training``, which lists the commands. The loop knows no task and a task knows no loop:

* ``loop``, ``schedule``, ``optimizing``, ``checkpoint``, ``run_log``: one training run, read top to bottom;
* ``task``: what the loop needs of a task; ``tasks/``: the multitask network and the level network;
* ``data/``: folders of phantoms, pairs and level samples, and the batches made of them;
* ``evaluation/``: measures, and what they are taken on;
* ``configs/``: one experiment a file; ``commands/``: what ``python -m training`` offers.
"""
