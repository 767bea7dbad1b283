# SPDX-License-Identifier: GPL-2.0-only
"""The parts of `make check`: ktap (reading results), suites (running what prints them), and the
checks of the source itself: style, layers, docs."""
