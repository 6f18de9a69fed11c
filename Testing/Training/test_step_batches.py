"""Batches by the number of their step."""

from training.step_batches import StepBatches, step_loader


class Counting(StepBatches[int, tuple[int, int]]):
    """Its cases are how often the folder was listed."""

    def __init__(self):
        self.times = 0
        super().__init__()

    def listed(self):
        self.times += 1
        return self.times

    def drawn(self, step, cases):
        return step, cases


def test_steps_are_served_in_order_and_the_folder_is_listed_every_hundred():
    assert list(step_loader(Counting(), 98, 102, workers=0)) == [(98, 1), (99, 1), (100, 2), (101, 2)]
    assert list(step_loader(Counting(), 200, 202, workers=0)) == [(200, 2), (201, 2)]
