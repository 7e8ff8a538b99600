"""Benchmarks: each capability's figures, with machine facts, and beside a named peer where there is one."""
