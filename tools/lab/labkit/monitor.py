# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's monitor, asked once, when a host hangs: where each processor is and what waits for it. An
emulator that hangs itself does not answer; then nothing is known."""

import json
import re
import socket

ANSWER_TIMEOUT = 10
WHERE = re.compile(r"^([ER]IP=\S+ \S+) .*(CPL=.*)$")
WAITING = re.compile(r"^(ISR|IRR)\s+(.*)$")


class Monitor:
    """Our end of the monitor's socket, which speaks QMP."""

    def __init__(self, channel):
        channel.settimeout(ANSWER_TIMEOUT)
        self.channel = channel
        self.stream = channel.makefile("r")

    def _execute(self, command, **arguments):
        request = {"execute": command, "arguments": arguments}
        self.channel.sendall(json.dumps(request).encode() + b"\n")
        for line in self.stream:
            answer = json.loads(line)
            if "error" in answer:
                raise OSError(answer["error"]["desc"])
            if "return" in answer:
                return answer["return"]
        raise OSError("the monitor is closed")

    def ask(self, words, processor):
        """The text that the monitor has for a person who looks at @processor and types @words."""
        return self._execute("human-monitor-command",
                             **{"command-line": words, "cpu-index": processor})

    def look(self, processors):
        """All that is known of the first @processors, as text; as much as is answered in time."""
        texts = []
        try:
            self._execute("qmp_capabilities")
            for number in range(processors):
                texts.append(f"processor {number}")
                texts.append(self.ask("info registers", number))
                texts.append(self.ask("info lapic", number))
        except (OSError, ValueError) as error:
            texts.append(f"no answer: {error}")
        return "\n".join(texts).replace("\r", "") + "\n"


def summary(text):
    """A line for each processor of what Monitor.look() returned."""
    lines = []
    for line in text.splitlines():
        where, waiting = WHERE.match(line), WAITING.match(line)
        if line.startswith(("processor ", "no answer: ")):
            lines.append(line)
        elif where:
            lines[-1] += f": {where.group(1)} {where.group(2)}"
        elif waiting:
            lines[-1] += f" {waiting.group(1)} {waiting.group(2)}"
    return lines
