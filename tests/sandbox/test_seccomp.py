"""The filter of system calls, run step by step as the kernel would, and its list held against the kernel's own."""

import re
from pathlib import Path

import pytest

from distill.sandbox import seccomp, syscalls
from distill.sandbox.seccomp import Step

HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}
ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
MACHINE = 0xC000003E
OWN, OTHER = 4321, 1234
CLONE_VM, CLONE_NEWUSER, SIGCHLD = 0x100, 0x10000000, 17
A_THREAD = 0x3D0F00  # what glibc's pthread_create asks for


def run(steps: list[Step], number: int, *arguments: int, machine: int = MACHINE) -> int:
    """Interpret a filter over one system call of the process OWN."""
    words = {0: number, 4: machine}
    for index in range(6):
        value = arguments[index] if index < len(arguments) else 0
        words |= {16 + 8 * index: value & 0xFFFFFFFF, 20 + 8 * index: value >> 32}
    place = loaded = 0
    while True:
        code, yes, no, constant = steps[place]
        value = OWN if constant is None else constant
        place += 1
        if code == 0x06:
            return value
        if code == 0x20:
            loaded = words[value]
        else:
            holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
            place += yes if holds else no


def on_x86(name: str, *arguments: int) -> int:
    steps = seccomp.program("x86_64")
    assert steps is not None
    numbers = syscalls.allowed("x86_64") | {name: call.x86_64 for name, call in syscalls.RESTRICTED.items()}
    return run(steps, numbers[name], *arguments)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_call_of_the_kernel_is_listed_once_and_by_its_number(machine: str) -> None:
    header = next((path for path in HEADERS[machine] if Path(path).exists()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed (linux-libc-dev)")
    pattern = r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$"
    kernel = {name: int(number) for name, number in re.findall(pattern, Path(header).read_text(), re.MULTILINE)}
    for pseudo in ("syscalls", "arch_specific_syscall"):  # how many there are; where a machine's own begin
        kernel.pop(pseudo, None)
    kernel["newfstatat"] = kernel.pop("fstatat", kernel.get("newfstatat", 0))  # one call, two names
    allowed = syscalls.allowed(machine)
    restricted = {name: getattr(call, machine) for name, call in syscalls.RESTRICTED.items()}
    listed = [*allowed, *restricted, *syscalls.forbidden()]
    assert len(kernel) > 300
    assert {name: listed.count(name) for name in kernel if listed.count(name) != 1} == {}
    ours = allowed | restricted
    assert {name: ours[name] for name in ours if kernel[name] != ours[name]} == {}


def test_no_call_is_in_two_classes_and_each_class_has_a_reason() -> None:
    listed = [*syscalls.allowed("x86_64"), *syscalls.RESTRICTED, *syscalls.forbidden()]
    assert len(listed) == len(set(listed))
    assert syscalls.allowed("aarch64").keys() < syscalls.allowed("x86_64").keys()
    assert all(call.why and call.where for call in syscalls.RESTRICTED.values())


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_what_is_not_listed_is_denied_calls_to_come_too(machine: str) -> None:
    steps = seccomp.program(machine)
    assert steps is not None
    assert len(steps) < 4096  # the kernel's limit
    audit = {"x86_64": MACHINE, "aarch64": 0xC00000B7}[machine]
    passes = {number for number in range(2000) if run(steps, number, machine=audit) == ALLOW}
    # With all arguments 0 some of the restricted ones pass as well.
    assert passes >= set(syscalls.allowed(machine).values())
    assert passes <= set(syscalls.allowed(machine).values()) | {
        getattr(call, machine) for call in syscalls.RESTRICTED.values()
    }
    assert run(steps, 1999, machine=audit) == EPERM
    assert run(steps, 435, machine=audit) == ENOSYS  # clone3: the C library falls back to clone


def test_calls_by_the_numbers_of_another_machine_end_the_program() -> None:
    steps = seccomp.program("x86_64")
    assert steps is not None
    assert run(steps, 0, machine=0x40000003) == KILL  # 32-bit calls
    assert run(steps, 0x40000000 | 39) == KILL  # x32 calls
    assert seccomp.program("riscv64") is None


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_check_s_own_command_may_start_others_and_nothing_else_beyond_an_answer(machine: str) -> None:
    plain, more = (seccomp.program(machine, commands=commands) for commands in (False, True))
    assert plain is not None
    assert more is not None
    audit = {"x86_64": MACHINE, "aarch64": 0xC00000B7}[machine]
    differ = {number for number in range(2000) if run(plain, number, machine=audit) != run(more, number, machine=audit)}
    names = ["execve", "wait4"] + ["fork", "vfork", "arch_prctl"] * (machine == "x86_64")
    numbers = syscalls.allowed(machine, commands=True)
    clone = getattr(syscalls.RESTRICTED["clone"], machine)
    assert differ == {numbers[name] for name in names} | {clone}
    assert [run(more, clone, flags, machine=audit) for flags in (SIGCHLD, A_THREAD, SIGCHLD | CLONE_NEWUSER)] == [
        ALLOW,
        ALLOW,
        EPERM,
    ]


@pytest.mark.parametrize(
    ("name", "harmless", "harmful"),
    [
        ("kill", [(OWN, 6)], [(OTHER, 9), (0, 9), (-1 & 0xFFFFFFFF, 9), (-OWN & 0xFFFFFFFF, 9)]),
        ("tgkill", [(OWN, OTHER, 6)], [(OTHER, OTHER, 6)]),
        ("prlimit64", [(0, 7, 0, 1)], [(OTHER, 0, 1, 0), (OWN, 0, 1, 0)]),
        ("clone", [(A_THREAD,)], [(SIGCHLD,), (CLONE_VM,), (0,), (A_THREAD | CLONE_NEWUSER,), (A_THREAD | 0x20000,)]),
        ("socketpair", [(1, 1), (1, 0x80801)], [(2, 1), (1, 2), (1, 5), (16, 1)]),
        ("sendto", [(3, 1, 1, 0, 0)], [(3, 1, 1, 0, 1), (3, 1, 1, 0, 1 << 32)]),
        ("clock_gettime", [(0,), (1,), (2,), (3,)], [((~OTHER << 3 | 2) & 0xFFFFFFFF,), (9,), (16,)]),
        ("mmap", [(0, 1, 3, 0x22)], [(0, 1, 3, 0x40022), (0, 1, 3, 0x2022)]),
        ("madvise", [(0, 1, 4)], [(0, 1, 12), (0, 1, 100)]),
        ("prctl", [(15,)], [(1, 0), (4, 1), (22, 2), (0x59616D61, 1)]),
        ("fcntl", [(3, 1), (3, 4)], [(3, 8), (3, 6), (3, 1024), (3, 1026), (3, 1033)]),
        ("ioctl", [(3, 0x5421)], [(3, 0x5412), (3, 0x40086602)]),
        ("sched_getaffinity", [(0,)], [(OTHER,)]),
        ("getpgid", [(0,)], [(OTHER,)]),
        ("getsid", [(0,)], [(OTHER,)]),
    ],
)
def test_arguments_decide_for_some(name: str, harmless: list[tuple[int, ...]], harmful: list[tuple[int, ...]]) -> None:
    assert {arguments: on_x86(name, *arguments) for arguments in harmless} == dict.fromkeys(harmless, ALLOW)
    assert {arguments: on_x86(name, *arguments) for arguments in harmful} == dict.fromkeys(harmful, EPERM)
