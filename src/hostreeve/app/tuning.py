"""What the process asks of kernel, allocator and collector before it serves thousands of nodes."""

import contextlib
import ctypes
import gc
import resource

M_MMAP_THRESHOLD = -3
MMAP_THRESHOLD_BYTES = 128 * 1024


def tune() -> None:
    """Take what the machine gives. Whatever is missing costs memory or speed, nothing else."""
    _raise_open_files()
    _keep_large_buffers_apart()
    # Ten thousand channels are long-lived objects: scanning them for cycles again and again is wasted work.
    gc.set_threshold(100_000, 50, 1000)


def _raise_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, 65536) if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _keep_large_buffers_apart() -> None:
    """Each TLS connection owns a buffer of 256 KB of which it touches a page or two.

    While glibc maps such a buffer by itself, the untouched rest costs nothing. Left alone, it raises its
    threshold when the first connection ends and takes the next buffers from the heap: 47 KB instead of 24.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
