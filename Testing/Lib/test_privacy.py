"""Whose CT it is stays out of all that is written: names, dates and numbers in folders, files, tags and headers.

Every file of an analysis, a batch and a worker is searched byte for byte, packed parts unpacked; and the same voxels
under other names must give the same files.
"""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import json
import os
import re
import stat
import struct
import sys
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from html import escape, unescape
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import numpy as np
import pydicom
import pypdfium2
import pytest
import SimpleITK as sitk

from OsteoJointLib.batch.worker_pool import WorkerProcess
from OsteoJointLib.cli.main import main
from OsteoJointLib.io.dicom_tags import quiet_dicom
from OsteoJointLib.io.nrrd import image_on_grid
from OsteoJointLib.output.report_pdf import pdf_of_page
from OsteoJointLib.phantom.writing import write_dicom_series
from OsteoJointLib.records import CtVolume, SourceInfo

TESTS = Path(__file__).resolve().parent
LONG = (
    "Müller",
    "Jürgen",
    "Özgür",
    "Wang",
    "Gretchen",
    "Sankt Elsewhere",
    "19450312",
    "03.12.1945",
    "4711-0815",
    "ACC99812",
)
"""Names, dates and numbers that no byte of a file may spell."""
SHORT = ("Li", "Ng", "Xu")
"""Too short to be told from chance in pixels: searched as whole words, where there are words."""
TAGS = {
    "PatientName": "Müller^Jürgen",
    "PatientID": "4711-0815",
    "PatientBirthDate": "19450312",
    "OtherPatientNames": "Li",
    "AccessionNumber": "ACC99812",
    "InstitutionName": "Sankt Elsewhere",
    "ReferringPhysicianName": "Wang^Li",
    "OperatorsName": "Özgür^Ng",
    "StudyDescription": "Gretchen Müller",
    "SeriesDescription": "Spine Wang 03.12.1945",
    "ProtocolName": "Gretchen Xu",
    "StudyID": "4711-0815",
    "PatientComments": "Müller Li",
    "ImageComments": "Wang",
    "ConvolutionKernel": "Br40 Wang",
    "ContrastBolusAgent": "NONE",
    "RequestedProcedureDescription": "Özgür",
    "StationName": "Gretchen",
    "DeviceSerialNumber": "ACC99812",
    "SeriesDate": "19450312",
    "BodyPartExamined": "LSPINE Li",
}
FAKE_WORKER = f"""
import sys
sys.path[:0] = [{str(TESTS.parents[1])!r}, {str(TESTS)!r}]
from conftest import make_reader
from OsteoJointLib.worker import serving
serving.load_reader = lambda **_: make_reader()
sys.exit(serving.run_worker())
"""


@pytest.fixture
def read(chain, tmp_path, monkeypatch):
    """The command line with the tiny reader, here and in workers; called with arguments, it gives the exit code."""
    worker = tmp_path / "worker.py"
    worker.write_text(FAKE_WORKER)
    monkeypatch.setattr("OsteoJointLib.pipeline.loading.load_reader", lambda config, **_: chain.make_reader())
    monkeypatch.setattr(WorkerProcess.__init__, "__defaults__", ((sys.executable, str(worker)),))
    return lambda *arguments: main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def ct(chain) -> CtVolume:
    """The tiny CT with fat and some noise, so that it passes for one."""
    tiny = chain.make_ct()
    tiny.hu[:, 10:24, 10:110] = -100
    noise = np.random.default_rng(0).normal(0, 8, tiny.hu.shape)
    hu = np.clip(tiny.hu + noise, -1024, None).round().astype(np.int16)
    return CtVolume(hu, tiny.grid, SourceInfo("phantom", kvp=120.0, kernel="B30f"))


def write_nifti(ct: CtVolume, path: Path) -> Path:
    """Write a CT with a name in every text field of NIfTI's header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = path.with_name("plain.nii")
    sitk.WriteImage(image_on_grid(ct.hu, ct.grid), str(plain))
    header = bytearray(plain.read_bytes())
    plain.unlink()
    for offset, text in ((4, b"4711-0815"), (14, "Müller Wang".encode()), (148, "Jürgen Gretchen 19450312".encode())):
        header[offset : offset + len(text)] = text  # data_type, db_name, descrip
    header[228:240], header[328:336] = b"Wang        ", b"Gretchen"  # aux_file, intent_name
    path.write_bytes(gzip.compress(bytes(header)))
    return path


def write_volume(ct: CtVolume, path: Path) -> Path:
    """Write a CT as NRRD or MetaImage with names among its keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = image_on_grid(ct.hu, ct.grid)
    said = {"PatientName": "Müller Li", "Comment": "Gretchen 4711-0815"}
    said |= {"osteojoint_kernel": "Wang", "osteojoint_contrast": "Gretchen 19450312", "osteojoint_kvp": "4711-0815"}
    for key, text in said.items():
        image.SetMetaData(key, text)
    sitk.WriteImage(image, str(path))
    return path


def write_dicom(ct: CtVolume, folder: Path, **tags) -> Path:
    """Write a CT as a DICOM series with a name in every text of its header."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = write_dicom_series(SimpleNamespace(volume=ct, truth=SimpleNamespace(seed=1)), folder.parent / "made")
    made.rename(folder)
    (folder.parent / "made").rmdir()
    with quiet_dicom():
        for number, path in enumerate(sorted(folder.iterdir())):
            dataset = pydicom.dcmread(path)
            dataset.SpecificCharacterSet = "ISO_IR 192"
            for tag, value in (TAGS | tags).items():
                setattr(dataset, tag, value)
            dataset.save_as(folder / f"Müller_Li_{number}.dcm")
            path.unlink()
    return folder


@pytest.fixture
def archive(ct, tmp_path) -> Path:
    """A hospital's folder: names everywhere, and what can't be read among it."""
    top = tmp_path / "Sankt Elsewhere"
    write_dicom(ct, top / "Müller_Jürgen_19450312" / "ACC99812" / "Spine Wang")
    write_dicom(ct, top / "Ng" / "PET", Modality="GRETCHEN", StudyInstanceUID="1.2.3.4")
    write_dicom(ct, top / "Wang_Li", BodyPartExamined="HEAD MÜLLER", StudyInstanceUID="1.2.3.5")
    write_nifti(ct, top / "Li" / "Özgür 03.12.1945.nii.gz")
    write_volume(ct, top / "4711-0815.mha")
    write_volume(ct, top / "Gretchen Li.nrrd")
    (top / "Wang broken.nrrd").write_bytes(b"NRRD0004\n# Wang\ntype: M\xc3\xbcller\n")
    return top


def spellings(word: str) -> Iterator[bytes]:
    """How a word may stand in a file."""
    for form in {unicodedata.normalize(kind, word) for kind in ("NFC", "NFD")}:
        for text in {
            form,
            form.replace(" ", "_"),
            form.replace(" ", "-"),
            quote(form),
            escape(form),
            json.dumps(form)[1:-1],
        }:
            for coding in ("utf-8", "latin-1", "utf-16-le", "utf-16-be"):
                yield text.lower().encode(coding, "ignore")


def contents(data: bytes) -> Iterator[bytes]:
    """A file's bytes, and what is packed in them: a page's pictures, a picture's parts, voxels, archives."""
    yield re.sub(rb"base64,[A-Za-z0-9+/=]+", b"", data)  # in which any four letters stand somewhere
    for uri in re.findall(rb"base64,([A-Za-z0-9+/=]+)", data):
        yield from contents(base64.b64decode(uri))
    if data.startswith(b"\x89PNG"):
        yield from png_chunks(data)
    if data.startswith(b"NRRD") and b"encoding: gzip" in data:
        yield gzip.decompress(data.split(b"\n\n", 1)[1])
    if data.startswith(b"%PDF"):
        yield from pdf_parts(data)
    if data.startswith(b"PK"):
        with zipfile.ZipFile(BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from contents(archive.read(name))


def pdf_parts(data: bytes) -> Iterator[bytes]:
    """What a PDF says of itself, the text of its pages, and what its streams hold."""
    document = pypdfium2.PdfDocument(data)
    yield str(document.get_metadata_dict()).encode()
    for page in document:
        yield page.get_textpage().get_text_range().encode()
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL):
        with suppress(zlib.error):  # of another filter
            yield zlib.decompress(stream)


def png_chunks(data: bytes) -> Iterator[bytes]:
    place, pixels = 8, b""
    while place < len(data):
        (length,), kind = struct.unpack_from(">I", data, place), data[place + 4 : place + 8]
        chunk = data[place + 8 : place + 8 + length]
        assert kind in (b"IHDR", b"IDAT", b"IEND", b"PLTE", b"pHYs"), f"a picture has a chunk {kind!r}: {chunk[:80]!r}"
        yield chunk
        pixels += chunk if kind == b"IDAT" else b""
        place += 12 + length
    yield zlib.decompress(pixels)


def words(data: bytes) -> set[str]:
    """The words of a text: of a binary file, those of its header."""
    text = unescape(
        re.sub(rb"base64,[A-Za-z0-9+/=]+", b"", data.split(b"\n\n", 1)[0] if data[:4] == b"NRRD" else data).decode(
            "utf-8"
        )
    )
    return set(re.findall(r"[^\W_]+", text))


def betrayed(folder: Path) -> list[str]:
    """Every secret that a file below a folder spells, in its name or in its content."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        parts = [name.encode(), *(contents(path.read_bytes()) if path.is_file() else ())]
        found += [
            f"{name}: {word}" for word in LONG if any(s in part.lower() for part in parts for s in spellings(word))
        ]
        told = words(name.encode())
        if path.suffix in (".json", ".jsonl", ".csv", ".html", ".nrrd"):
            told |= words(path.read_bytes())
        found += [f"{name}: {word}" for word in SHORT if word in told]
    return found


def test_the_search_finds_what_it_looks_for(ct, tmp_path):
    write_volume(ct, tmp_path / "x" / "a.nrrd")
    sitk.WriteImage(image_on_grid(ct.hu, ct.grid), str(tmp_path / "x" / "b.seg.nrrd"), useCompression=True)
    (tmp_path / "x" / "c.html").write_text(f"<b>J&#252;rgen</b> M&uuml;ller, {base64.b64encode(b'Wang').decode()}")
    (tmp_path / "x" / "d.json").write_bytes(json.dumps({"a": "Özgür", "b": "gretchen"}).encode("utf-16-le"))
    (tmp_path / "x" / "Ng").mkdir()
    (tmp_path / "x" / "f.pdf").write_bytes(pdf_of_page("<title>Sankt Elsewhere</title><p>ACC99812, M&uuml;ller"))
    with zipfile.ZipFile(tmp_path / "x" / "e.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner", "19450312")
    found = betrayed(tmp_path / "x")
    for one in (
        "a.nrrd: Müller",
        "a.nrrd: Li",
        "a.nrrd: 4711-0815",
        "Ng: Ng",
        "d.json: Özgür",
        "d.json: Gretchen",
        "e.npz: 19450312",
        "f.pdf: Sankt Elsewhere",
        "f.pdf: ACC99812",
        "f.pdf: Müller",
    ):
        assert one in found, found


def test_a_batch_names_nobody(read, archive, tmp_path, capfd):
    out = tmp_path / "out"
    assert read("batch", archive, archive / "Gretchen Xu", "--out", out) == 6
    assert betrayed(out) == []
    rows = table(out / "batch.csv")
    assert [row["case"] for row in rows] == [f"case-{number:04d}" for number in range(1, 9)]
    refused = ["not_ct", "unreadable", "level_not_in_view", "not_found"]
    assert [row["reason"] for row in rows] == ["", "", "", "", *refused]
    said = capfd.readouterr()
    (tmp_path / "said").mkdir()
    (tmp_path / "said" / "terminal.html").write_text(said.out.replace(str(out), "") + said.err)
    assert betrayed(tmp_path / "said") == []
    for case in (out / "cases").iterdir():
        assert f"<title>{case.name} " in (case / "report.html").read_text()


@pytest.mark.parametrize(
    "place",
    ["Müller_Jürgen_19450312/ACC99812/Spine Wang", "Li/Özgür 03.12.1945.nii.gz", "4711-0815.mha", "Gretchen Li.nrrd"],
)
def test_an_analysis_names_nobody(read, archive, tmp_path, place, capfd):
    out = tmp_path / "out"
    assert read("analyze", archive / place, "--out", out, "--pdf") == 0
    assert (out / "report.pdf").exists()
    assert betrayed(out) == []
    said = capfd.readouterr()
    (out / "terminal.html").write_text(said.out.replace(str(out), "") + said.err)
    assert betrayed(out) == []


def test_a_worker_names_nobody(client, chain, archive, tmp_path, monkeypatch):
    monkeypatch.undo()  # it reads what it is told to
    client.session._load = lambda **_: client.reader
    out = tmp_path / "out"
    out.mkdir()
    answers = []
    for number, place in enumerate(("Müller_Jürgen_19450312", "Gretchen Li.nrrd", "Wang_Li", "Wang broken.nrrd")):
        views = str(out / f"views-{number}.npz")
        answers.append(client.ask("analyze", input=str(archive / place), out=str(out / f"case-{number}"), views=views))
    assert [answer["event"] for answer in answers] == ["done", "done", "error", "error"]
    client.done("deliver", case=answers[0]["case"], out=str(out / "delivered"), row="case-0001")
    folder = {"points": {"L1": [1, 2, 30], "L2": [1, 2, 5]}, "name": "case-0001", "patient": "P1"}
    client.done("label", case=answers[0]["case"], folder=str(out / "set"), **folder)
    (out / "answers.json").write_text(json.dumps(answers).replace(str(tmp_path), ""))
    assert betrayed(out) == []


@pytest.mark.parametrize("kind", ["dicom", "file"])
def test_other_names_change_nothing(read, ct, tmp_path, kind):
    said = []
    for name in ("Li", "Ng_Wang 19450312"):
        place = tmp_path / name
        if kind == "dicom":
            write_dicom(ct, place, PatientName=name, PatientID=name, ReferringPhysicianName=name, StudyDescription=name)
        else:
            place = write_volume(ct, place / f"{name}.nrrd")
        assert read("analyze", place, "--out", tmp_path / f"out of {name}", "--no-gradcam") == 0
        said.append({path.name: timeless(path) for path in (tmp_path / f"out of {name}").iterdir()})
        assert {"result.json", "report.html", "segmentation.seg.nrrd", "overview.png"} <= set(said[-1])
    assert said[0] == said[1]


def timeless(path: Path) -> bytes:
    """A file without what differs between two readings of one CT: times, and the digest of the input's bytes."""
    data = path.read_bytes()
    if path.name == "result.json":
        document = json.loads(data) | {"timings_s": None}
        document["input"]["sha256"] = None
        return json.dumps(document).encode()
    if path.suffix != ".html":
        return data
    digests, times = (
        rb"\b[0-9a-f]{64}\b|\bCT(?: |\\000020)[0-9a-f]{8}\b",
        rb"\d+\.\d+(?=\D{1,9}s\b)|\d{4}-\d\d-\d\d \d\d:\d\d",
    )
    return re.sub(rb"|".join((digests, times)), b"", data)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_keys_stand_in_a_private_table_when_asked(read, archive, tmp_path):
    out, series = tmp_path / "out", archive / "Müller_Jürgen_19450312" / "ACC99812" / "Spine Wang"
    assert read("batch", series, archive / "Wang broken.nrrd", "--out", out) == 6
    assert not (out / "keys.csv").exists()
    inputs = [series, archive / "Wang broken.nrrd", archive / "4711-0815.mha"]
    assert read("batch", *inputs, "--out", out, "--names", "keys") == 6
    keys = table(out / "keys.csv")
    assert [key["case"] for key in keys] == ["case-0001", "case-0002", "case-0003"]
    assert [key["input"] for key in keys] == [str(path) for path in inputs]
    uid = pydicom.dcmread(next(series.rglob("*.dcm"))).SeriesInstanceUID
    assert keys[0]["series_sha256"] == hashlib.sha256(uid.encode()).hexdigest()
    assert (keys[1]["series_sha256"], keys[2]["study_sha256"]) == ("", "")
    if os.name == "posix":
        assert stat.S_IMODE((out / "keys.csv").stat().st_mode) == 0o600
    (out / "keys.csv").unlink()
    assert betrayed(out) == []


def test_the_files_own_names_stand_in_the_results_when_asked(read, ct, tmp_path):
    path = write_volume(ct, tmp_path / "phantom 7.nrrd")
    assert read("analyze", path, "--out", tmp_path / "out", "--names", "own") == 0
    assert json.loads((tmp_path / "out" / "result.json").read_text())["input"]["file_names"] == ["phantom 7.nrrd"]
    assert "phantom 7.nrrd" in (tmp_path / "out" / "report.html").read_text()
