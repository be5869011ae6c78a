"""Which system calls an answer may make, of all that Linux has: the list that `seccomp` turns into a filter.

What is not named under ALLOWED or RESTRICTED is forbidden, calls of kernels to come among them. FORBIDDEN says for the
others why, and is there so that a test can hold all three against the kernel's own list: none is overlooked.

An allowed call must touch nothing but the process itself, whatever its arguments, or name a file by its path, where
the sandbox around the filter decides what there is. Numbers are from the kernel's tables: x86_64, aarch64.
"""

from dataclasses import dataclass

OWN_PID = None
"""In place of an argument's value: the process's own id, which only the process itself knows."""
_THREAD = 0x00010000  # CLONE_THREAD
# CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID, DETACHED: what C libraries set.
_THREAD_FLAGS = 0x007D0F00
# SIGCHLD, CLONE_VFORK, CHILD_SETTID: what fork and posix_spawn set beside these.
_PROCESS_FLAGS = 0x01004011


@dataclass(frozen=True)
class OneOf:
    """The lower half of an argument must be one of some values (`upper`: the upper half)."""

    argument: int
    values: tuple[int | None, ...]
    upper: bool = False


@dataclass(frozen=True)
class Bits:
    """An argument must have all bits of `needed`, and none that is not in `possible`."""

    argument: int
    possible: int
    needed: int = 0


@dataclass(frozen=True)
class Restricted:
    """A call that is harmless with some arguments: its numbers, which arguments those are, and why."""

    x86_64: int | None
    aarch64: int | None
    where: tuple[OneOf | Bits, ...]
    why: str


_CLOCKS = OneOf(0, (0, 1, 2, 3, 4, 5, 6, 7, 11))  # the system's and its own; others are the CPU time of a process by id
_ITSELF = OneOf(0, (0,))

# why: the calls, each with its numbers ("-" where a machine has no such call)
ALLOWED = {
    "memory of its own, which RLIMIT_AS limits": "brk 12 214, mprotect 10 226, munmap 11 215, mremap 25 216",
    "its own threads and its own end": """
        futex 202 98, set_robust_list 273 99, set_tid_address 218 96, rseq 334 293, gettid 186 178, sched_yield 24 124,
        exit 60 93, exit_group 231 94""",
    "how it takes signals, and alarms to itself": """
        rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136, rt_sigsuspend 130 133,
        rt_sigtimedwait 128 137, sigaltstack 131 132, pause 34 -, restart_syscall 219 128, alarm 37 -,
        getitimer 36 102, setitimer 38 103""",
    "the time, and waiting": "time 201 -, gettimeofday 96 169, nanosleep 35 101, times 100 153, getrusage 98 165",
    "its own ids and limits, which it cannot raise; random bytes; the kernel's version": """
        getpid 39 172, getppid 110 173, getpgrp 111 -, getuid 102 174, geteuid 107 175, getgid 104 176,
        getegid 108 177, getgroups 115 158, getresuid 118 148, getresgid 120 150, umask 95 166, getrlimit 97 163,
        setrlimit 160 164, uname 63 160, getcpu 309 168, getrandom 318 278""",
    "what it has open, pipes and events of its own": """
        read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, preadv 295 69, pwritev 296 70,
        preadv2 327 286, pwritev2 328 287, lseek 8 62, close 3 57, close_range 436 436, dup 32 23, dup2 33 -,
        dup3 292 24, fstat 5 80, sendfile 40 71, pipe 22 -, pipe2 293 59, poll 7 -, ppoll 271 73, select 23 -,
        pselect6 270 72, epoll_create 213 -, epoll_create1 291 20, epoll_ctl 233 21, epoll_wait 232 -,
        epoll_pwait 281 22, epoll_pwait2 441 441, eventfd 284 -, eventfd2 290 19, recvfrom 45 207, getsockname 51 204,
        getpeername 52 205, shutdown 48 210""",
    "files by their paths: both sandboxes show a small tree of their own, and only /dev/null can be written": """
        open 2 -, openat 257 56, stat 4 -, lstat 6 -, newfstatat 262 79, statx 332 291, access 21 -, faccessat 269 48,
        faccessat2 439 439, readlink 89 -, readlinkat 267 78, getdents 78 -, getdents64 217 61, getcwd 79 17,
        chdir 80 49, fchdir 81 50""",
}

RESTRICTED = {
    "mmap": Restricted(9, 222, (Bits(3, ~0x42000),), "neither locked memory nor the machine's huge pages"),
    "madvise": Restricted(
        28, 233, (OneOf(2, (0, 1, 2, 3, 4, 8, 10, 11, 14, 15, 16, 17, 102, 103)),), "advice on pages that are its own"
    ),
    "clone": Restricted(56, 220, (Bits(0, _THREAD_FLAGS, _THREAD),), "a thread, no process and no namespace"),
    "kill": Restricted(62, 129, (OneOf(0, (OWN_PID,)),), "signals to itself"),
    "tgkill": Restricted(234, 131, (OneOf(0, (OWN_PID,)),), "signals to its own threads: abort(), raise()"),
    "prlimit64": Restricted(302, 261, (_ITSELF,), "its own limits, which it cannot raise"),
    "sched_getaffinity": Restricted(204, 123, (_ITSELF,), "how many cores there are"),
    "getpgid": Restricted(121, 155, (_ITSELF,), "its own group"),
    "getsid": Restricted(124, 156, (_ITSELF,), "its own session"),
    "clock_gettime": Restricted(228, 113, (_CLOCKS,), "the time, and its own CPU time"),
    "clock_getres": Restricted(229, 114, (_CLOCKS,), "the same"),
    "clock_nanosleep": Restricted(230, 115, (_CLOCKS,), "waiting"),
    # PR_SET_NAME, PR_GET_NAME. Others undo the end with the judge, or let debuggers in.
    "prctl": Restricted(157, 167, (OneOf(0, (15, 16)),), "names of its threads"),
    # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_GETPIPE_SZ. Others lock files, or send signals.
    "fcntl": Restricted(72, 25, (OneOf(1, (0, 1, 2, 3, 4, 1030, 1032)),), "flags of what it has open"),
    # TCGETS (is it a terminal?), FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
    "ioctl": Restricted(16, 29, (OneOf(1, (0x5401, 0x541B, 0x5421, 0x5450, 0x5451)),), "the same"),
    # AF_UNIX, SOCK_STREAM with any of NONBLOCK and CLOEXEC: the two ends are connected, and to nothing else.
    "socketpair": Restricted(
        53, 199, (OneOf(0, (1,)), OneOf(1, (1, 0x801, 0x80001, 0x80801))), "a pipe for event loops"
    ),
    "sendto": Restricted(44, 206, (OneOf(4, (0,)), OneOf(4, (0,), upper=True)), "to the other end: no address"),
}

COMMANDS = {
    "new processes and programs, and waiting for them": "execve 59 221, fork 57 -, vfork 58 -, wait4 61 260",
    "what a program begins with": "arch_prctl 158 -",
}
"""What a check's own command may do beyond that; an answer never may."""

RESTRICTED_COMMANDS = {
    "clone": Restricted(56, 220, (Bits(0, _THREAD_FLAGS | _PROCESS_FLAGS),), "a thread or a process, and no namespace"),
}

# why not: the calls
FORBIDDEN = {
    "new processes and programs, and waiting for them": """
        fork vfork clone3 execve execveat uselib wait4 waitid""",
    "other processes, of the same user too": """
        tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_getfd pidfd_send_signal ptrace process_vm_readv
        process_vm_writev process_madvise process_mrelease kcmp getpriority setpriority ioprio_get ioprio_set
        sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr
        sched_setparam sched_setscheduler sched_get_priority_max sched_get_priority_min get_robust_list capget
        migrate_pages move_pages setpgid setsid perf_event_open lookup_dcookie membarrier vhangup""",
    "sockets, which reach the network, and on this machine whatever listens": """
        socket bind connect listen accept accept4 sendmsg sendmmsg recvmsg recvmmsg getsockopt setsockopt""",
    "memory and messages that no limit counts, or that others share": """
        memfd_create memfd_secret shmget shmat shmdt shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl
        mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr add_key request_key keyctl mlock mlock2
        mlockall munlock munlockall remap_file_pages userfaultfd set_mempolicy set_mempolicy_home_node get_mempolicy
        mbind pkey_alloc pkey_free pkey_mprotect map_shadow_stack mseal""",
    "queues of calls that go past this filter": """
        io_uring_setup io_uring_enter io_uring_register io_setup io_submit io_cancel io_getevents io_pgetevents
        io_destroy""",
    "changes to files: an owner may make some of them without opening the file, where Landlock has no say": """
        creat truncate ftruncate fallocate chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes
        futimesat utimensat setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr
        removexattrat file_setattr link linkat symlink symlinkat unlink unlinkat rename renameat renameat2 mkdir
        mkdirat rmdir mknod mknodat flock copy_file_range splice tee vmsplice sync syncfs fsync fdatasync
        sync_file_range sync_file_range2 quotactl quotactl_fd""",
    "what tells of the host's files, mounts, memory and load": """
        getxattr lgetxattr fgetxattr getxattrat listxattr llistxattr flistxattr listxattrat file_getattr statfs
        fstatfs ustat sysfs statmount listmount listns inotify_init inotify_init1 inotify_add_watch inotify_rm_watch
        fanotify_init fanotify_mark name_to_handle_at open_by_handle_at mincore cachestat readahead fadvise64 msync
        sysinfo syslog _sysctl""",
    "paths that the sandboxes do not see: they know the older ways of opening a file": "openat2",
    "mounts, namespaces, other roots": """
        mount umount2 move_mount mount_setattr open_tree open_tree_attr fsopen fsconfig fsmount fspick pivot_root
        chroot unshare setns""",
    "becoming somebody else, and other walls than these": """
        setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset seccomp
        landlock_create_ruleset landlock_add_rule landlock_restrict_self lsm_get_self_attr lsm_set_self_attr
        lsm_list_modules personality""",
    "the machine itself": """
        reboot kexec_load kexec_file_load init_module finit_module delete_module create_module query_module
        get_kernel_syms swapon swapoff acct settimeofday clock_settime adjtimex clock_adjtime sethostname
        setdomainname iopl ioperm modify_ldt arch_prctl set_thread_area get_thread_area bpf nfsservctl uprobe
        uretprobe""",
    "nothing that Python uses, and more kernel than is needed": """
        timer_create timer_settime timer_gettime timer_getoverrun timer_delete timerfd_create timerfd_settime
        timerfd_gettime signalfd signalfd4 futex_waitv futex_wake futex_wait futex_requeue epoll_ctl_old
        epoll_wait_old rseq_slice_yield""",
    "numbers without a call, or with one on machines of 32 bits alone": """
        afs_syscall getpmsg putpmsg security tuxcall vserver clock_adjtime64 clock_getres_time64 clock_gettime64
        clock_nanosleep_time64 clock_settime64 futex_time64 io_pgetevents_time64 mq_timedreceive_time64
        mq_timedsend_time64 ppoll_time64 pselect6_time64 recvmmsg_time64 rt_sigtimedwait_time64
        sched_rr_get_interval_time64 semtimedop_time64 timer_gettime64 timer_settime64 timerfd_gettime64
        timerfd_settime64 utimensat_time64""",
}


def allowed(machine: str, *, commands: bool = False) -> dict[str, int]:
    """Return the numbers of the calls that a machine ('x86_64' or 'aarch64') allows whatever their arguments."""
    listed = ALLOWED | (COMMANDS if commands else {})
    rows = [row.split() for text in listed.values() for row in text.split(",")]
    column = 1 if machine == "x86_64" else 2
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def forbidden() -> list[str]:
    """Return the names of the calls that are known to be forbidden."""
    return [name for text in FORBIDDEN.values() for name in text.split()]
