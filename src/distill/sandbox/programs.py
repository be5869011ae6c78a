"""What is run in a sandbox: a text for the interpreter, and what it may see there.

In: names of this package's modules, which would not be seen inside as files, and of installed packages. Out: a
`Program`, for `launcher`. Every program may read the interpreter, its standard library, the system's shared libraries
and the packages it names, and no other path, not even whether it exists.
"""

import importlib.util
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

_SYSTEM_LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/etc/ld.so.cache")
_SYSTEM_COMMANDS = ("/bin", "/usr/bin", "/etc/alternatives")
_FIRST = ("distill.sandbox.inside.confinement", "distill.sandbox.inside.opening")
PATH = "/usr/bin:/bin"
"""Where a program that may start commands finds them."""


@dataclass(frozen=True)
class Program:
    """A text; its one argument is the rules (JSON) that `inside.confinement` applies before anything else is done."""

    text: str
    packages: tuple[str, ...] = ()
    """Installed packages that it may import."""
    folders: tuple[str, ...] = ()
    """Files and folders that it may read, too."""
    commands: bool = False
    """Whether it may start the system's commands, and see them."""


def made(*modules: str, packages: tuple[str, ...] = ()) -> Program:
    """Return a program of modules that run inside, by their full names; each may import those before it.

    The last one's `main` is called.
    """
    return Program(together(*_FIRST, *modules, packages=packages) + "module.main()\n", packages)


def together(*modules: str, packages: tuple[str, ...] = ()) -> str:
    """Return a text that defines modules, and leaves the last one as `module`."""
    package = Path(__file__).parents[1]
    texts = {name: package.joinpath(*name.split(".")[1:]).with_suffix(".py").read_text("utf-8") for name in modules}
    return (
        "import sys, types\n"
        "from importlib.util import spec_from_file_location\n"
        "class Runner:\n"  # the folder around these packages cannot be listed, so Python's own finder sees none
        f"    files = {files(packages)!r}\n"
        "    def find_spec(name, path, target=None):\n"
        "        return spec_from_file_location(name, Runner.files[name]) if name in Runner.files else None\n"
        "sys.meta_path.append(Runner)\n"
        f"for name, text in {texts!r}.items():\n"
        "    module = sys.modules[name] = types.ModuleType(name)\n"
        "    exec(compile(text, name, 'exec', dont_inherit=True), module.__dict__)\n"
    )


def files(packages: tuple[str, ...]) -> dict[str, str]:
    """Return by name the file that a module is, or that a package begins with; what is not installed is left out."""
    specs = {name: importlib.util.find_spec(name) for name in packages}
    return {name: os.path.realpath(spec.origin) for name, spec in specs.items() if spec and spec.origin}


def visible(program: Program) -> list[str]:
    """Return the paths that a program may read."""
    interpreter = os.path.realpath(sys.executable)
    paths = [interpreter, sysconfig.get_path("stdlib"), *_SYSTEM_LIBRARIES]
    # A library that the interpreter is linked with may lie beside it; those of the system's own are listed above.
    paths += [str(Path(sys.base_prefix, name)) for name in ("lib", "lib64") if sys.base_prefix not in ("/", "/usr")]
    paths += [file.removesuffix("/__init__.py") for file in files(program.packages).values()]
    paths += [*program.folders, *(_SYSTEM_COMMANDS if program.commands else ())]
    exist = dict.fromkeys(path for path in paths if os.path.exists(path))
    return [path for path in exist if not any(str(parent) in exist for parent in Path(path).parents)]
