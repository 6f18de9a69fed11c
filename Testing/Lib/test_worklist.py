"""How far labeling has come, the small picture of a case, and whose CT it is."""

import numpy as np
import pytest
from PIL import Image

from OsteoJointLib.dataset.preview import FIELD_MM, SIZE_PX, write_preview
from OsteoJointLib.dataset.worklist import Ending, Worked, Worklist
from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.dicom_person import person_of
from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.records import Level


def test_what_became_of_a_ct_is_read_back_and_noted_anew(tmp_path):
    folder = tmp_path / "set"
    assert Worklist(folder).read() == {}
    refused = Worked("b", Ending.NOT_READ, reason=Reason.NOT_CT, message="This is no CT.")
    for one in (Worked("a", Ending.SKIPPED), refused, Worked("c", Ending.SKIPPED)):
        Worklist(folder).enter(one)
    assert Worklist(folder).read() == {
        "a": Worked("a", Ending.SKIPPED),
        "b": refused,
        "c": Worked("c", Ending.SKIPPED),
    }
    Worklist(folder).enter(Worked("b", Ending.SKIPPED))
    assert list(Worklist(folder).read()) == ["a", "b", "c"]
    assert Worklist(folder).read()["b"].reason is None


def test_a_label_that_has_gone_from_the_manifest_is_to_be_made_again(tmp_path):
    (tmp_path / "cases.jsonl").write_text('{"id": "Case-1"}\n')
    for place, case in (("a", "case-1"), ("b", "case-2")):
        Worklist(tmp_path).enter(Worked(place, Ending.LABELED, case))
    assert list(Worklist(tmp_path).read()) == ["a"]


def test_a_line_that_cannot_be_read_is_named(tmp_path):
    Worklist(tmp_path).enter(Worked("a", Ending.SKIPPED))
    with Worklist(tmp_path).path.open("a") as file:
        file.write('{"place": "b", "ending": "eaten"}\n')
    with pytest.raises(InputRefused, match="Line 2 of"):
        Worklist(tmp_path).read()


def test_a_preview_shows_each_body_where_it_is(chain, tmp_path):
    volume, path = chain.make_ct(), tmp_path / "p.png"
    labels = np.zeros(volume.hu.shape, np.uint8)
    for level, center in chain.centers_lps_mm.items():
        z = round(volume.grid.lps_to_index(np.asarray(center))[0])
        labels[z - 1 : z + 2, chain.body_plane(volume.grid, center)] = level.verse_label
    write_preview(volume, labels, chain.centers_lps_mm, path)
    picture = np.asarray(Image.open(path)).astype(int)
    assert picture.shape == (SIZE_PX, SIZE_PX, 3)
    rows = {}
    for level in Level:
        off = np.abs(picture - segment_color_rgb(level)).sum(axis=2)
        y, x = np.nonzero(off < 60)
        assert len(y) > 20
        rows[level] = y.mean()
        middle_mm = np.mean([center[1] for center in chain.centers_lps_mm.values()])
        expected = (chain.centers_lps_mm[level][1] - middle_mm) * SIZE_PX / FIELD_MM + SIZE_PX / 2
        assert abs((x.min() + x.max()) / 2 - expected) < 3
    heights = [center[2] for center in chain.centers_lps_mm.values()]
    assert rows[Level.L2] - rows[Level.L1] == pytest.approx((heights[0] - heights[1]) * SIZE_PX / FIELD_MM, abs=4)


def test_two_cts_of_one_person_are_known_by_the_number_alone(tmp_path):
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    def write(folder, number):
        folder.mkdir()
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID, image.SOPInstanceUID, image.PatientName = CTImageStorage, generate_uid(), folder.name
        image.PatientID = number
        image.save_as(folder / "1.dcm", enforce_file_format=True)
        (folder / "0.txt").write_text("a note")
        return person_of(folder)

    people = [write(tmp_path / name, number) for name, number in (("a", "17"), ("b", "17"), ("c", "18"), ("d", ""))]
    assert people[0] == people[1] != people[2]
    assert people[3] is None
    (tmp_path / "ct.nrrd").write_bytes(b"NRRD0004")
    assert person_of(tmp_path / "ct.nrrd") is None
    assert person_of(tmp_path / "nothing") is None
