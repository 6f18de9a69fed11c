"""Writes the files of the library and its resources into CMakeLists.txt, from what is on disk (`make lists`)."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def files(folder: str) -> list[str]:
    """Return the paths of all files below a folder, relative to the checkout."""
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def main() -> None:
    """Replace the three lists."""
    library = files("OsteoJointLib")
    lists = {
        "LIBRARY": [name for name in library if name.endswith(".py")],
        "LIBRARY_DATA": [name for name in library if not name.endswith(".py")],
        "RESOURCES": [name for name in files("Resources") if not name.startswith("Resources/Screenshots/")],
    }
    cmake = ROOT / "CMakeLists.txt"
    text = cmake.read_text(encoding="utf-8")
    for name, entries in lists.items():
        block = "".join(f"  {entry}\n" for entry in entries)
        text = re.sub(rf"(set\(OSTEOJOINT_{name}\n).*?(  \))", rf"\g<1>{block}\g<2>", text, flags=re.DOTALL)
    cmake.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
