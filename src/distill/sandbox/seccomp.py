"""The list of `syscalls` as a filter that the kernel runs before every system call of a confined program.

In: a machine's name. Out: a classic BPF program, as steps that `inside.confinement` packs inside the sandbox, because
one of the values is the id of the process that it guards. Whatever the list does not name fails with EPERM; a call by
another machine's numbers ends the program. The kernel never lets go of a filter, and hands it on to every thread.

Why, where a sandbox is around it already: neither namespaces nor Landlock cover all that a user may do to processes
and files of the same user (limits, priorities, modes, times), nor all that tells of the host.
"""

import sys

from distill.sandbox.syscalls import RESTRICTED, RESTRICTED_COMMANDS, Bits, OneOf, allowed

Step = tuple[int, int, int, int | None]
"""An instruction: code, steps to skip if it holds, steps to skip if not, value (None: the process's own id)."""

_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _ENOSYS = 1, 38
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
_CLONE3 = 435
_WORD = (1 << 32) - 1
_DENY: Step = (_RETURN, 0, 0, _ERRNO | _EPERM)


def program(machine: str, *, commands: bool = False) -> list[Step] | None:
    """Return the filter for a machine (as `platform.machine()` names it), or None for one that is not known.

    `commands`: let the program start others, too.
    """
    if machine not in _AUDIT or sys.byteorder != "little":
        return None
    steps: list[Step] = [
        (_LOAD, 0, 0, 4),  # the architecture: calls of another one would have other numbers
        (_EQUAL, 1, 0, _AUDIT[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # the call's number
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
        *_if_number(_CLONE3, [(_RETURN, 0, 0, _ERRNO | _ENOSYS)]),  # the C library then uses clone
    ]
    for number in allowed(machine, commands=commands).values():
        steps += _if_number(number, [(_RETURN, 0, 0, _ALLOW)])
    for call in (RESTRICTED | (RESTRICTED_COMMANDS if commands else {})).values():
        number = getattr(call, machine)
        conditions = [step for condition in call.where for step in _unless(condition)]
        steps += _if_number(number, [*conditions, (_RETURN, 0, 0, _ALLOW)])
    return [*steps, _DENY]


def _if_number(number: int, then: list[Step]) -> list[Step]:
    # What follows `then` finds the number still loaded: `then` always returns.
    return [(_EQUAL, 0, len(then), number), *then]


def _unless(condition: OneOf | Bits) -> list[Step]:
    """Deny the call unless a condition on an argument holds; go on behind if it does."""
    low = 16 + 8 * condition.argument  # the offset in struct seccomp_data
    if isinstance(condition, Bits):
        steps: list[Step] = [(_LOAD, 0, 0, low), (_ANY_BIT, 0, 1, ~condition.possible & _WORD), _DENY]
        return steps + ([(_ANY_BIT, 1, 0, condition.needed), _DENY] if condition.needed else [])
    count = len(condition.values)
    tests: list[Step] = [(_EQUAL, count - place, 0, value) for place, value in enumerate(condition.values)]
    return [(_LOAD, 0, 0, low + 4 * condition.upper), *tests, _DENY]
