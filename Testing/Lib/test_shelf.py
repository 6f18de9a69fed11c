"""Where the cases' files are kept: at a URL they are whole once result.json is there."""

import fsspec
import pytest

from OsteoJointLib.batch.shelf import RemoteShelf, Shelf
from OsteoJointLib.errors import Reason, RunFailed, UsageError

FILES = ("overview.png", "result.json", "report.html")


@pytest.fixture(params=["file", "memory"])
def url(request, tmp_path):
    if request.param == "file":
        return f"file://{tmp_path}/bucket"
    fsspec.filesystem("memory").store.clear()
    return "memory://bucket"


def write(shelf: Shelf, case: str, names=FILES, content: str = "") -> None:
    shelf.folder(case).mkdir(parents=True, exist_ok=True)
    for name in names:
        (shelf.folder(case) / name).write_text(name + content)


def at(url: str) -> dict[str, bytes]:
    files, top = fsspec.core.url_to_fs(url)
    return {name.removeprefix(top).lstrip("/"): files.cat_file(name) for name in files.find(top)}


def test_files_go_to_the_url_and_leave_this_machine(url, tmp_path):
    shelf = RemoteShelf(tmp_path / "cases", url)
    assert at(url) == {}  # the trial is taken back
    write(shelf, "a")
    shelf.keep("a", FILES)
    assert at(url) == {f"cases/a/{name}": name.encode() for name in FILES}
    assert not shelf.folder("a").exists()
    assert shelf.has("a", FILES)
    assert not shelf.has("a", (*FILES, "report.pdf")) and not shelf.has("b", FILES)


def test_a_new_result_takes_the_place_of_the_old_one(url, tmp_path):
    shelf = RemoteShelf(tmp_path / "cases", url)
    for names, content in ((FILES, "old"), (FILES[1:], "new")):
        shelf.check("a")
        write(shelf, "a", names, content)
        shelf.keep("a", names)
    assert at(url) == {f"cases/a/{name}": f"{name}new".encode() for name in FILES[1:]}


def test_the_result_goes_last_and_is_taken_away_first(url, tmp_path, monkeypatch):
    shelf = RemoteShelf(tmp_path / "cases", url)
    write(shelf, "a")
    shelf.keep("a", FILES)
    steps = []
    files = type(shelf._files)
    for name in ("put_file", "rm_file"):
        real = getattr(files, name)

        def noted(self, *paths, name=name, real=real, **more):
            steps.append((name, str(paths[-1]).rpartition("/")[2]))
            return real(self, *paths, **more)

        monkeypatch.setattr(files, name, noted)
    write(shelf, "a", FILES, "new")
    shelf.keep("a", FILES)
    assert (steps[0], steps[-1]) == (("rm_file", "result.json"), ("put_file", "result.json"))


def test_others_files_are_never_overwritten(url, tmp_path):
    shelf = RemoteShelf(tmp_path / "cases", url)
    files, top = fsspec.core.url_to_fs(url)
    files.makedirs(f"{top}/cases/a", exist_ok=True)
    files.pipe_file(f"{top}/cases/a/notes.txt", b"mine")
    with pytest.raises(UsageError, match="never overwritten") as refusal:
        shelf.check("a")
    assert refusal.value.reason is Reason.OUTPUT_EXISTS
    shelf.check("b")


def test_a_case_without_files_leaves_the_url_alone(url, tmp_path):
    RemoteShelf(tmp_path / "cases", url).keep("a", ())
    assert at(url) == {}


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [("/data/readings", UsageError, "is no URL"), ("nothing://x/y", UsageError, "can't write to nothing://")],
)
def test_what_is_no_url_is_refused(url, kind, words, tmp_path):
    with pytest.raises(kind, match=words):
        RemoteShelf(tmp_path / "cases", url)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    def missing(url):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(RunFailed, match="s3fs") as refusal:
        RemoteShelf(tmp_path / "cases", "s3://bucket/readings")
    assert refusal.value.reason is Reason.DEPENDENCY_MISSING


def test_a_place_that_refuses_is_said_before_anything_is_read(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFailed, match="can't be read or written to") as refusal:
        RemoteShelf(tmp_path / "cases", f"file://{tmp_path}/file/below")
    assert str(tmp_path) not in refusal.value.public
