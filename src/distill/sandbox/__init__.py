"""Answers' code, run against hidden checks. The threat: a model wrote it, and it may do what any program can.

In the order to read the files, each with what it stops:
- `outcomes`, `run_checks`: every answer to its verdict; an answer that breaks its judge is that answer's outcome alone.
- `extract_code` (`selection`, `statements`): what of an answer is loaded, so that a demonstration fails no function.
- `refusal`: code that looks for the runner (gc, frames, ctypes, /proc/self) is refused by name before it is run.
- `conversation`: endless loops and floods of output, by a clock and a count of bytes; printing or sending "passed", for
  only a report with the run's nonce, on a channel taken before the answer is loaded (`guest`), counts.
- `launcher` (`supervisor`, `private_root`): harm to files, processes, networks and secrets, by bubblewrap or sandlock.
- `confinement`, `seccomp`, `syscalls`: memory, threads and CPU time, by the kernel's limits; all its other calls.
- `runner` (pytest itself), `seal`, `impostor`: replaced builtins, and pytest's; objects that equal everything.

What remains: check and answer share a process, so code written against this runner can find a way to what decides that
no list names, and put it back. Models under test are no such adversaries: they were never told of this runner. An
answer found to be one is a reason to read it in the report, not to trust the figure.
"""
