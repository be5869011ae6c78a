"""Answers put to the hidden checks of their prompts. The threat: a model wrote them, and code may do what any can.

In the order to read the files, each with what it stops:
- `checks`, `kinds`: a check that is itself wrong, before an answer is looked at. A kind says what of an answer counts,
  and decides; what is expected of SQL and of scripts is compared outside, and never goes into the sandbox.
- `outcomes`, `run_checks`: every answer to its verdict; an answer that breaks its judge is that answer's outcome alone.
- `conversation`: endless loops and floods of output, by a clock and a count of bytes.
- `launcher` (`programs`, `supervisor`, `private_root`): harm to files, processes, networks and secrets, by bubblewrap
  or sandlock.
- `inside.confinement`, `seccomp`, `syscalls`: memory, threads and CPU time, by the kernel's limits; its other calls.
- `inside`: the programs that run there, one a kind. SQL that leaves its database, `inside.query`; JSON that is none,
  `inside.document`.

Only a pytest file is decided where an answer's code runs, so that it sees live objects:
- `extract_code` (`selection`, `looks`, `statements`): what of an answer is loaded, so that a demonstration fails no
  function.
- `refusal`: code that looks for the runner (gc, frames, ctypes, /proc/self) is refused by name before it is run.
- `kinds.python`, `inside.guest`: printing or sending "passed", for only a report with the run's nonce, on a channel
  taken before the answer is loaded, counts.
- `inside.runner` (pytest itself), `inside.failures`, `inside.seal`, `inside.impostor`: replaced builtins, and pytest's;
  objects that equal everything.

What remains: code written against this runner can find a way to what decides there that no list names, and put it
back. Models under test are no such adversaries: they were never told of this runner. An answer found to be one is a
reason to read it in the report, not to trust the figure.
"""
