"""Build: six import packages from six source roots, a compiled extension for each .pyx of poi_cext.

POI_NO_EXTENSIONS=1 builds no extension (the plain Python twin serves);
POI_REQUIRE_EXTENSIONS=1 makes a failed compilation fail the build.
"""

import os
import shlex
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

ROOTS = ("engine", "nfc", "qr", "offers", "cext")
SOURCES = Path("cext/poi_cext")
FLAGS = ["-O3", "-std=c11", *shlex.split(os.environ.get("POI_CFLAGS", ""))]
"""POI_CFLAGS adds to them: sanitizers, say."""


class OptionalBuild(build_ext):
    """Compile if a compiler is there; otherwise say so and go on with the twin."""

    def run(self):
        try:
            super().run()
        except Exception as error:
            if os.environ.get("POI_REQUIRE_EXTENSIONS"):
                raise
            print(f"poi_cext: not compiled ({error}); the plain Python matcher will serve")

    def build_extension(self, ext):
        try:
            super().build_extension(ext)
        except Exception as error:
            if os.environ.get("POI_REQUIRE_EXTENSIONS"):
                raise
            print(f"{ext.name}: not compiled ({error}); the plain Python matcher will serve")


def extensions():
    if os.environ.get("POI_NO_EXTENSIONS"):
        return []
    from Cython.Build import cythonize

    headers = sorted(str(path) for pattern in ("*.h", "*.px[di]") for path in SOURCES.glob(pattern))
    return cythonize(
        [
            Extension(f"poi_cext.{source.stem}", [str(source)], depends=headers, extra_compile_args=FLAGS)
            for source in sorted(SOURCES.glob("_*.pyx"))
        ],
        include_path=["cext"],
        compiler_directives={"language_level": "3"},
        build_dir="build/cython",
    )


setup(
    packages=[
        *find_packages(include=["poi_server", "poi_server.*"]),
        *(package for root in ROOTS for package in find_packages(root)),
    ],
    package_dir={f"poi_{root}": f"{root}/poi_{root}" for root in ROOTS},
    ext_modules=extensions(),
    cmdclass={"build_ext": OptionalBuild},
)
