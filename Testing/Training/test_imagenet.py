"""ImageNet's weights from a file: what they become, and which files are refused."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torchvision.models import ResNet
from torchvision.models.resnet import Bottleneck

from OsteoJointLib.config import network_config
from OsteoJointLib.errors import InputRefused, UsageError
from OsteoJointLib.network.gated_resnet import GatedResNet
from training.checkpoint import load_checkpoint, start
from training.imagenet import from_imagenet, load_resnet
from training.loop import train
from training.schedule import Budget
from training.tasks.levels import LevelConfig
from training.tasks.multitask import MultitaskConfig

BLOCKS = (1, 1, 1, 1)
CONFIG = MultitaskConfig(
    name="tiny",
    localizer=False,
    network=replace(
        network_config("paper"),
        segmenter_channels=(4, 4, 4, 8, 8, 8),
        classifier_blocks=BLOCKS,
        fusion_hidden=4,
    ),
    precision="32-true",
)


@pytest.fixture(scope="module")
def theirs():
    """torchvision's ResNet of the paper's widths and few blocks, with statistics as after a training."""
    torch.manual_seed(0)
    network = ResNet(Bottleneck, list(BLOCKS)).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0.0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network


@pytest.fixture
def saved(theirs, tmp_path):
    path = tmp_path / "resnet.pth"
    torch.save(theirs.state_dict(), path)
    return path


def test_a_gray_image_becomes_what_torchvision_makes_of_it(theirs):
    ours = GatedResNet(64, (64, 128, 256, 512), BLOCKS).eval()
    load_resnet(ours, theirs.state_dict())
    image = torch.rand(2, 1, 96, 96, generator=torch.Generator().manual_seed(1))
    mean, sd = (torch.tensor(v)[None, :, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        expected = theirs.bn1(theirs.conv1((image.expand(-1, 3, -1, -1) - mean) / sd))
        found = ours.bn1(ours.conv1(image))
        inside = (..., slice(2, -2), slice(2, -2))  # at the border theirs is padded with gray, ours with black
        torch.testing.assert_close(found[inside], expected[inside], rtol=1e-4, atol=1e-4)
        hidden = theirs.maxpool(theirs.relu(expected))
        for name in ("layer1", "layer2", "layer3", "layer4"):
            torch.testing.assert_close(getattr(ours, name)(hidden), getattr(theirs, name)(hidden))
            hidden = getattr(theirs, name)(hidden)


def test_gates_fusion_and_head_stay_as_they_were_drawn(saved):
    before, module = start(CONFIG.task()).module.state_dict(), start(CONFIG.task()).module
    told = from_imagenet(module, saved)
    assert len(told["imagenet_sha256"]) == 64
    after = module.state_dict()
    moved = {name for name in after if not torch.equal(before[name], after[name])}
    plain = [name for name in moved if not name.startswith("network.classifier.")]
    assert plain == [] and not any(".gates." in name or ".fuse." in name for name in moved)
    assert {"network.classifier.conv1.weight", "network.classifier.layer4.0.conv3.weight"} < moved


def test_a_run_begins_with_them_and_goes_on_with_the_same_only(saved, pair_folder, tmp_path):
    data = replace(CONFIG.data, rows=2, class_rows=2, further_rows=0, minimum_pairs=4, localizer_every=1000)
    task = replace(CONFIG, data=data, windows_px=((1.0, 64),)).task()
    go = partial(train, task, pair_folder, tmp_path / "run", Budget(steps=2), workers=0, threads=1)
    go(stop_after=1, beginning=partial(from_imagenet, path=saved))
    kept = load_checkpoint(tmp_path / "run" / "last.pt")
    assert set(kept.recipe["beginning"]) == {"imagenet_sha256"}
    with pytest.raises(UsageError, match=r"beginning\.imagenet_sha256"):
        go()
    assert go(beginning=partial(from_imagenet, path=saved)).step == 2


def changed(state, **changes):
    return {name: value for name, value in (state | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layer3.0.conv2.weight": None}, r"lacks layer3\.0\.conv2\.weight"),
        ({"features.0.weight": torch.zeros(1)}, r"has, and the network has not, features\.0\.weight"),
        ({"layer1.0.conv1.weight": torch.zeros(64, 32, 1, 1)}, r"\(64, 32, 1, 1\), and the network's \(64, 64, 1, 1\)"),
        ({"conv1.weight": torch.zeros(64, 1, 7, 7)}, "without three color channels"),
        ({"bn1.weight": torch.full((64,), torch.nan)}, "no finite number"),
    ],
)
def test_other_files_are_refused_by_what_differs(theirs, changes, words):
    ours = GatedResNet(64, (64, 128, 256, 512), BLOCKS)
    with pytest.raises(InputRefused, match=words):
        load_resnet(ours, changed(theirs.state_dict(), **changes))


def test_older_files_without_counters_and_those_without_a_head_are_taken(theirs):
    state = {k: v for k, v in theirs.state_dict().items() if not k.endswith("tracked") and not k.startswith("fc.")}
    load_resnet(GatedResNet(64, (64, 128, 256, 512), BLOCKS), state)


def test_what_is_no_file_of_weights_is_refused(tmp_path):
    module = start(CONFIG.task()).module
    with pytest.raises(InputRefused, match="no file"):
        from_imagenet(module, tmp_path / "none.pth")
    (tmp_path / "junk.pth").write_bytes(b"junk")
    with pytest.raises(InputRefused, match="damaged"):
        from_imagenet(module, tmp_path / "junk.pth")
    torch.save({"state": {"a": torch.zeros(1)}}, tmp_path / "nested.pth")
    with pytest.raises(InputRefused, match="something else than named weights"):
        from_imagenet(module, tmp_path / "nested.pth")
    with pytest.raises(InputRefused, match="multitask"):
        from_imagenet(start(LevelConfig(name="levels").task()).module, tmp_path / "none.pth")
