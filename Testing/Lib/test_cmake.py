"""CMake's files, run with stand-ins for Slicer's macros: what is built and what a package holds."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = "lib/Slicer-5.12/qt-scripted-modules"

SLICER = """
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/nothing.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/nothing.cmake)
set(Slicer_INSTALL_ROOT ./)
set(Slicer_SHARE_DIR share/Slicer-5.12)
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR lib/Slicer-5.12/qt-scripted-modules)
"""
"""What a Slicer that was built says of itself."""
MACROS = """
include(CMakeParseArguments)
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR ${Slicer_INSTALL_ROOT}${Slicer_QTSCRIPTEDMODULES_LIB_DIR})
function(ctkMacroCompilePythonScript)
  cmake_parse_arguments(MY "NO_INSTALL_SUBDIR" "TARGET_NAME;DESTINATION_DIR;INSTALL_DIR" "SCRIPTS;RESOURCES" ${ARGN})
  foreach(file IN LISTS MY_SCRIPTS MY_RESOURCES)
    get_filename_component(folder ${file} DIRECTORY)
    install(FILES ${file} DESTINATION ${MY_INSTALL_DIR}/${folder} COMPONENT RuntimeLibraries)
  endforeach()
endfunction()
function(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "WITH_GENERIC_TESTS" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  install(FILES ${MY_SCRIPTS} DESTINATION ${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR} COMPONENT RuntimeLibraries)
endfunction()
function(slicer_add_python_unittest)
endfunction()
"""
"""Slicer's and CTK's macros, as far as they put files into a package."""


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """What `cmake --install` puts together."""
    if shutil.which("cmake") is None or shutil.which("cc") is None:
        pytest.skip("CMake or a compiler, which Slicer's own files ask for, is not installed.")
    folder = tmp_path_factory.mktemp("cmake")
    slicer = folder / "slicer"
    slicer.mkdir()
    for name, text in {"SlicerConfig.cmake": SLICER, "UseSlicer.cmake": MACROS, "nothing.cmake": ""}.items():
        (slicer / name).write_text(text)
    build, package = folder / "build", folder / "package"
    for command in (
        ["-S", str(REPOSITORY), "-B", str(build), f"-DSlicer_DIR={slicer}", "-DBUILD_TESTING=ON"],
        ["--install", str(build), "--prefix", str(package)],
    ):
        done = subprocess.run(["cmake", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return package


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "THIRD_PARTY_NOTICES.md"])
def test_the_package_has_license_and_readme(package, name):
    assert (package / "share/Slicer-5.12/OsteoJoint" / name).read_bytes() == (REPOSITORY / name).read_bytes()


def test_the_package_has_the_module_and_its_library_side_by_side(package):
    for name in ("OsteoJoint.py", "OsteoJointLib/worker/death.py", "Resources/UI/Levels.ui", "OsteoJointLib/py.typed"):
        assert (package / PYTHON / name).is_file(), name
