# SPDX-License-Identifier: GPL-2.0-only
"""Waiting for what another process does."""

import time


def wait_until(is_so, seconds):
    """Until is_so() is; raises TimeoutError when it has not come to that in so many seconds."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)
