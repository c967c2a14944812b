"""Build: six import packages from six source roots, one compiled extension.

POI_NO_EXTENSIONS=1 builds no extension (the plain Python twin serves);
POI_REQUIRE_EXTENSIONS=1 makes a failed compilation fail the build.
"""

import os

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

ROOTS = ("engine", "nfc", "qr", "offers", "cext")


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

    return cythonize(
        [Extension("poi_cext._match", ["cext/poi_cext/_match.pyx"], extra_compile_args=["-O3"])],
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
