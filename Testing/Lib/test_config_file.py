"""``--config FILE``: what it reaches, and what it refuses."""

import json
import os
from dataclasses import fields, is_dataclass, replace

import pytest

from OsteoJointLib.errors import UsageError
from OsteoJointLib.pipeline.config_file import config_of, read_config, settings_document, settings_sha256
from OsteoJointLib.pipeline.settings import PipelineConfig, ReadOptions
from OsteoJointLib.typed_json import to_json


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text('{"measure": {"erosion_mm": 3}, "input": {"soft_tissue_hu": [-30, 150]}, "recenter_px": 4}')
    config = read_config(path)
    assert (config.measure.erosion_mm, config.input.soft_tissue_hu, config.recenter_px) == (3.0, (-30, 150), 4.0)
    changed = to_json(config)
    default = to_json(PipelineConfig())
    for section, name in (("measure", "erosion_mm"), ("input", "soft_tissue_hu")):
        changed[section][name] = default[section][name]
    assert changed | {"recenter_px": 8.0} == default


def test_every_setting_goes_to_json_and_back():
    document = json.loads(json.dumps(to_json(PipelineConfig())))
    assert config_of(document) == PipelineConfig()
    for section in fields(PipelineConfig):
        if is_dataclass(getattr(PipelineConfig(), section.name)):
            assert document[section.name].keys() == {f.name for f in fields(getattr(PipelineConfig(), section.name))}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[]", "must be an object"),
        ('{"mesure": {}}', "there is no mesure"),
        ('{"measure": {"erosion": 3}}', "there is no measure.erosion"),
        ('{"measure": 3}', "measure must be an object"),
        ('{"measure": {"erosion_mm": "3"}}', r"measure.erosion_mm must be a number"),
        ('{"measure": {"erosion_mm": true}}', r"measure.erosion_mm must be a number"),
        ('{"measure": {"erosion_mm": -1}}', "erosion_mm must be positive"),
        ('{"input": {"max_files": 2.5}}', "max_files must be a whole number"),
        ('{"localization": {"fixed_box_mm": [50]}}', "fixed_box_mm must be a list of 2"),
        ('{"measure": {"erosion_mm": NaN}}', "erosion_mm"),
        ('{"measure": {"erosion_mm": null}}', "erosion_mm is null"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, words):
    path = tmp_path / "settings.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=words):
        read_config(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="can't be opened"):
        read_config(tmp_path / "none.json")


def test_a_reading_carries_the_settings_it_was_made_with(chain):
    config = config_of({"measure": {"erosion_mm": 3}})
    result = replace(chain.reader, config=config).read(chain.make_ct(), options=ReadOptions(gradcam=False))
    assert result.l1.measurement.erosion_mm == 3.0
    document = settings_document(result.config, result.options)
    assert (document["gradcam"], document["refine"], document["measure"]["erosion_mm"]) == (False, False, 3.0)


def test_the_digest_tells_every_setting_and_option():
    config, options = PipelineConfig(), ReadOptions()
    others = [
        settings_sha256(config_of({"measure": {"erosion_mm": 3}}), options),
        settings_sha256(config_of({"recenter_px": 4}), options),
        settings_sha256(config, ReadOptions(refine=True)),
        settings_sha256(config, ReadOptions(gradcam=False)),
    ]
    assert len({settings_sha256(config, options), *others}) == 5
    assert settings_sha256(config, options) == settings_sha256(PipelineConfig(), ReadOptions())


@pytest.mark.parametrize(
    "text",
    [
        '{"measure": {"erosion_mm": 1' + "0" * 400 + "}}",
        '{"measure": {"erosion_mm": NaN}}',
        '{"measure": {"erosion_mm": -Infinity}}',
        '{"measure": {"erosion_mm": "' + "x" * 10**6 + '"}}',
        '{"input": {"memory_gib": -1}}',
        "[" * 10**5,
        "\ud800",
        "",
    ],
)
def test_an_absurd_settings_file_ends_in_a_short_sentence(tmp_path, text):
    path = tmp_path / "settings.json"
    path.write_text(text, errors="surrogatepass")
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert len(caught.value.message) < 400


def test_a_settings_file_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "settings.json")
    with pytest.raises(UsageError, match="no ordinary file"):
        read_config(tmp_path / "settings.json")
