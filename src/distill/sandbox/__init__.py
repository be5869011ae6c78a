"""Answers put to the hidden checks of their prompts. The threat: a model wrote them, and code may do what any can.

What is feared, and the file that stops it:
- harm to files, processes, the network, secrets: `launcher` (bubblewrap, or sandlock: `supervisor`, `private_root`);
- what else the kernel could be asked for, memory, threads, CPU time: `seccomp`, `syscalls`, `inside.confinement`;
- endless loops, floods of output: `conversation`; an answer that breaks its judge: `run_checks` makes it an outcome;
- looking up what is expected: `kinds` compares outside; SQL that leaves its database: `inside.query`; JSON that breaks
  a reader: `inside.document`; a check that is itself wrong: `checks`, before an answer is looked at;
- in a pytest file, the one kind that decides where an answer's code runs, so that it sees live objects: looking for the
  runner: `refusal`; saying "passed": `kinds.python`, `inside.guest`; replaced builtins, objects that equal everything:
  `inside.runner`, `inside.seal`, `inside.impostor`.

`extract_code` (`selection`, `looks`, `statements`) says what of an answer is its code, `outcomes` judges all answers.

What remains: code written against this runner can find a way to what decides a pytest file that no list names. Models
under test are no such adversaries: they were never told of it. Read an answer that tries; do not trust its figure.
"""
