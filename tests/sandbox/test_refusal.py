"""distill.sandbox.refusal: what reaches for the runner is named, and honest code is let through."""

from pathlib import Path

import pytest

from distill.sandbox.extract_code import NoSource, as_written, refused
from distill.sandbox.refusal import MEMBERS, MODULES
from repository import ROOT

REFUSED = {
    "import os, gc as g": "gc",
    "from ctypes import *": "ctypes",
    "from _pytest.python import Function": "_pytest.python",
    "import distill.sandbox.conversation": "distill.sandbox.conversation",
    "__import__('gc').get_objects()": "gc",
    "import importlib as i\ni.import_module('_ctypes')": "_ctypes",
    "from importlib import import_module\nimport_module('pluggy')": "pluggy",
    "import sys\nsys._getframe(1)": "sys._getframe",
    "import sys as s\ndef f():\n    return s.modules['check']": "sys.modules",
    "from sys import settrace as t": "sys.settrace",
    "from sys import *\nmodules.clear()": "sys.modules",
    "import sys\nsys.monitoring.use_tool_id(1, 'x')": "sys.monitoring",
    "import sys\ngetattr(sys, '_getframe')()": "sys._getframe",
    "import sys\nvars(sys)['modules']": "sys.__dict__",
    "import sys\nsys.meta_path.insert(0, None)": "sys.meta_path",
    "import inspect\nf = inspect.currentframe": "inspect.currentframe",
    "from inspect import stack": "inspect.stack",
    "import threading\nthreading.settrace(print)": "threading.settrace",
    "import importlib\nimportlib.reload(importlib)": "importlib.reload",
    "import traceback\ntraceback.walk_stack(None)": "traceback.walk_stack",
    "def f(e):\n    return e.__traceback__.tb_frame": "tb_frame",
    "g = (x for x in ())\ng.gi_frame": "gi_frame",
    "(lambda: 0).__globals__": "__globals__",
    "getattr(print, '__glo' '' 'bals__')": "__globals__",
    "import operator\noperator.attrgetter('f_back')": "f_back",
    "def f(check):\n    return check.__closure__[0]": "__closure__",
    "object.__subclasses__()": "__subclasses__",
    "__builtins__['len'] = None": "__builtins__",
    "globals()['__builtins__']": "__builtins__",
    "import builtins\nbuiltins.isinstance = lambda *a: True": "builtins.isinstance",
    "import builtins\nsetattr(builtins, 'len', None)": "builtins.len",
    "import builtins\nbuiltins.__dict__.update(len=None)": "builtins.__dict__",
    "import pytest\npytest.raises = None": "pytest.raises",
    "import pytest as p\nsetattr(p, 'approx', lambda x: x)": "pytest.approx",
    "import unittest\nunittest.TestCase.assertEqual = print": "unittest.TestCase.assertEqual",
    "import math\nmath.isclose = lambda *a: True": "math.isclose",
    "import math\nvars(math)['isclose'] = None": "math.__dict__",
    "import math\nmath.__dict__['isclose'] = None": "math.__dict__",
    "import math\ndel math.isclose": "math.isclose",
    "import json\nnames = 'dumps'\nsetattr(json, names, None)": "json.…",
    "print.__self__.len = None": "__self__",
    "def f(g):\n    g.__code__ = f.__code__": "__code__",
    "open('/proc/self/mem', 'wb')": "/proc/self",
    "import os\nopen(f'/proc/{os.getppid()}/mem')": "/proc/",
    "from pathlib import Path\nPath('/proc') / 'self'": "/proc",
    "open('/dev/fd/3', 'w')": "/dev/fd",
    "import os\nos.write(3, b'pass')": "os.write",
    "from os import dup2": "os.dup2",
    "open(3, 'w').write('pass')": "open(3)",
    "exec('import gc')": "gc",
    "import inspect\ninspect.getclosurevars(print)": "inspect.getclosurevars",
    "import linecache\nlinecache.cache": "linecache.cache",
    "'{0.__traceback__.tb_frame.f_back}'.format(1)": "tb_frame",
    "'{0.f_globals[TOKEN]}'.format(1)": "f_globals",
    "from operator import attrgetter\nattrgetter('__traceback__.tb_frame')": "tb_frame",
    "from unittest.mock import patch\npatch('builtins.len', 1)": "builtins.len",
    "from unittest import mock\nimport builtins\nmock.patch.object(builtins, 'sum')": "builtins.sum",
    "import sys\nsys.modules[__name__] = None": "sys.modules",
    "import sys\n__name__ = 'pytest'\nsys.modules[__name__]": "__name__",
    "import sys\nsys.modules['pytest']": "sys.modules",
    "import sys\nfor module in sys.modules: pass": "sys.modules",
    "eval(' (0).__class__.__base__.__subclasses__()')": "__subclasses__",
}

HONEST = [
    "import sys\nsys.getsizeof([]); sys.setrecursionlimit(5000); sys.exit(0); sys.stdout.write('x')",
    "import sys, io\nsys.stdout = io.StringIO()\ndata = open(0).read()",
    "import inspect\ninspect.signature(print); inspect.getsource; inspect.iscoroutinefunction(print)",
    "import weakref, logging, traceback, typing\nlogging.basicConfig()\ntraceback.format_exc()\ntyping.get_type_hints",
    "class A:\n    kinds = {}\n    def f(self):\n        return self.__class__.__name__, self.__dict__, vars(self)",
    "class Shape:\n    def all(cls):\n        return Shape.__subclasses__() + cls.__subclasses__()",
    "import os, tempfile\nfd, path = tempfile.mkstemp()\nwith os.fdopen(fd, 'w') as file: pass\nos.environ['X'] = '1'",
    "import math\neval('sqrt(4)', {'__builtins__': {}}, vars(math))\nnames = math.__dict__.items()",
    "from decimal import getcontext\ngetcontext().prec = 50",
    "import functools\n@functools.wraps(print)\ndef f(*a): pass\nf.calls = 0\nf.__wrapped__; f.__code__.co_argcount",
    "import pytest\n\ndef test_f():\n    with pytest.raises(ValueError): raise ValueError",
    "import importlib\njson = importlib.import_module('json')\nfast = __import__('math')",
    '"""Reads /proc/self/status and `__globals__` of nothing."""\nopen("/proc/meminfo")',
    "import atexit, signal, threading, multiprocessing, subprocess, contextlib\nthreading.Thread(target=print)",
    "def gc(modules, stack):\n    return modules.f + stack.write",
    "import dataclasses\ndataclasses.replace\nclass P: ...\nP.area = property(lambda self: 0)\nsetattr(P, 'x', 1)",
    "import sys\ndef f(name):\n    return getattr(sys.modules[__name__], name), name in sys.modules",
    "import builtins\nbefore = builtins.input\nbuiltins.input = print\nbuiltins.input = before",
    "from unittest.mock import patch\n@patch('time.sleep')\n@patch('builtins.input')\ndef test_f(*mocks): pass",
    "print('Frames have f_back. They end in None.', '{0.name}'.format(print))",
    "not python (",
]


@pytest.mark.parametrize("source", REFUSED)
def test_refused(source: str) -> None:
    assert refused(source) == REFUSED[source]


def test_every_name_of_the_tables_is_refused() -> None:
    assert [name for name in MODULES if refused(f"import {name}") != name] == []
    dotted = [f"{module}.{member}" for module, members in MEMBERS.items() for member in members]
    assert [name for name in dotted if refused(f"import {name.split('.')[0]}\n{name}") != name] == []


@pytest.mark.parametrize("source", HONEST)
def test_honest(source: str) -> None:
    assert refused(source) is None


def test_no_shipped_answer_is_refused() -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "data/reference").glob("*.md"))]
    wrong = [
        path.read_text(encoding="utf-8") for path in sorted(Path(ROOT / "tests/sandbox/wrong_answers").glob("*.py"))
    ]
    sources = [source for text in texts if not isinstance(source := as_written(text), NoSource)] + wrong
    assert len(sources) > 150
    assert [found for source in sources if (found := refused(source))] == []
