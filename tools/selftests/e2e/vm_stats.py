#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The control socket of `vm run`, and `vm stats` and `vm list` which ask it: what they show, on a
terminal too; what hostile clients come to; whose the socket is and what becomes of it."""

import functools
import json
import os
import pty
import select
import signal
import socket
import stat
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../lib"))

import ktap                     # noqa: E402
from baremetal import HLT, SELF, TIMEOUT, Files, multiboot, out          # noqa: E402
from wait import wait_until     # noqa: E402

suite = ktap.Suite()
files = Files()

READY = out(0x3F8, ord("R"))
HALTED = files.write(multiboot(READY + HLT + SELF))
# CPUID for ever.
BUSY = files.write(multiboot(READY + b"\x31\xc0\x0f\xa2\xeb\xfa"))
DIRECTORY = "/run/vm"
running = []


def path_of(name):
    return f"{DIRECTORY}/{name}.sock"


def start(name, image=HALTED, *options, env=None):
    """A running guest that has said it is ready."""
    vm = subprocess.Popen(["vm", "run", "--kernel", image, *(["--name", name] if name else []),
                           *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=env)
    running.append(vm)
    if vm.stdout.read(1) != b"R":
        raise RuntimeError(f"the guest did not start: {vm.communicate()[1]}")
    return vm


def case(function):
    """A case after which no guest is left, whatever became of it."""
    @functools.wraps(function)
    def alone(t):
        try:
            function(t)
        finally:
            while running:
                vm = running.pop()
                vm.kill()
                vm.communicate()
    return suite.case(alone)


def end(vm, number=signal.SIGTERM):
    vm.send_signal(number)
    return vm.wait(TIMEOUT), vm.communicate()


def connect(name):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Behind a full queue connect() waits, but not with a time limit set.
    client.connect(path_of(name))
    client.settimeout(TIMEOUT)
    return client


def read_all(client):
    data = b""
    try:
        while piece := client.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


def ask(name, request):
    """The status and the body of what is answered to @request."""
    with connect(name) as client:
        client.sendall(request)
        head, _, body = read_all(client).partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else None, body


def get(name, path):
    status, body = ask(name, f"GET {path} HTTP/1.1\r\nHost: vm\r\n\r\n".encode())
    return status, json.loads(body)


def exits_by_cpuid(stats):
    return stats["vcpus"][0]["counters"]["exit_cpuid"]


def stats_above(name, count):
    """The first answer in which a guest has made more than @count exits by CPUID."""
    answers = []

    def is_above():
        answers.append(get(name, "/v1/stats")[1])
        return exits_by_cpuid(answers[-1]) > count
    wait_until(is_above, TIMEOUT)
    return answers[-1]


def run(*words, env=None):
    done = subprocess.run(["vm", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=TIMEOUT, env=env)
    return done.returncode, done.stdout, done.stderr


@case
def info_and_stats_over_the_socket(t):
    vm = start("alpha", BUSY, "--memory", "64M")
    status, info = get("alpha", "/v1/info")
    t.equal(status, 200)
    t.equal(info, {"name": "alpha", "pid": vm.pid, "cpus": 1, "memory": 64 << 20})
    before = stats_above("alpha", 0)
    after = stats_above("alpha", exits_by_cpuid(before))
    t.true(after["time_ns"] > before["time_ns"], "time stands still")
    t.equal([v["id"] for v in after["vcpus"]], [0])
    t.true("messages" in after["vm"], "no counters of the guest itself")
    t.equal(end(vm)[0], -signal.SIGTERM)


@case
def the_socket_is_the_owners_alone_and_goes_away(t):
    vm = start("alpha")
    t.equal(stat.S_IMODE(os.stat(path_of("alpha")).st_mode), 0o600)
    t.equal(stat.S_IMODE(os.stat(DIRECTORY).st_mode), 0o700)
    t.equal(end(vm)[0], -signal.SIGTERM)
    t.true(not os.path.exists(path_of("alpha")), "the socket is still there")


@case
def one_guest_a_name(t):
    vm = start("alpha")
    status, _, error = run("run", "--kernel", HALTED, "--name", "alpha")
    t.equal(status, 1)
    t.true("runs already" in error and error.count("\n") == 1, error)
    # The first has not been hurt.
    t.equal(get("alpha", "/v1/info")[1]["pid"], vm.pid)
    end(vm)


@case
def a_socket_left_behind_is_replaced(t):
    vm = start("alpha")
    end(vm, signal.SIGKILL)
    t.true(os.path.exists(path_of("alpha")), "SIGKILL has removed the socket")
    status, _, error = run("stats", "--once", "alpha")
    t.equal((status, "no guest 'alpha' runs" in error), (1, True))
    vm = start("alpha")
    t.equal(get("alpha", "/v1/info")[1]["pid"], vm.pid)
    end(vm)


@case
def a_guest_that_ends_while_it_is_asked(t):
    """Its socket takes who comes until it is closed, and nobody is answered any more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path_of("alpha"))
        listener.listen()
        asking = subprocess.Popen(["vm", "stats", "--once", "alpha"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(asking)
        t.true(select.select([listener], [], [], TIMEOUT)[0], "nobody asks")
    error = asking.communicate(timeout=TIMEOUT)[1]
    os.unlink(path_of("alpha"))
    t.equal((asking.returncode, "no guest 'alpha' runs" in error), (1, True))


@case
def without_a_name_it_is_the_process(t):
    vm = start(None)
    t.equal(get(str(vm.pid), "/v1/info")[1]["name"], str(vm.pid))
    end(vm)


@case
def a_directory_of_ones_own(t):
    runtime = os.path.join(files.directory.name, "runtime")
    os.mkdir(runtime, 0o700)
    env = dict(os.environ, XDG_RUNTIME_DIR=runtime)
    vm = start("beta", HALTED, env=env)
    t.true(os.path.exists(runtime + "/vm/beta.sock"), "no socket there")
    t.true("beta" in run("list", env=env)[1], "vm list does not see it")
    t.true("beta" not in run("list")[1], "vm list sees it elsewhere")
    end(vm)
    # What others may use is not for a socket.
    os.chmod(runtime + "/vm", 0o755)
    status, _, error = run("run", "--kernel", HALTED, "--name", "beta", env=env)
    t.equal((status, "mode 0700" in error), (1, True))


@case
def bad_requests_get_an_answer(t):
    vm = start("alpha")
    for request, expected in (
            (b"GET /v1/nothing HTTP/1.1\r\n\r\n", 404),
            (b"GET / HTTP/1.0\r\n\r\n", 404),
            (b"DELETE /v1/info HTTP/1.1\r\n\r\n", 405),
            (b"PUT /v1/stats HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 405),
            (b"\x00\xff\xfe garbage\r\n\r\n", 400),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
            (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
            (b"GET /v1/info HTTP/1.1\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 431),
            (b"PUT /v1/info HTTP/1.1\r\nContent-Length: 9000\r\n\r\n" + b"z" * 9000, 413),
            (b"GET /v1/info HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400)):
        t.equal((request[:20], ask("alpha", request)[0]), (request[:20], expected))
    t.equal(get("alpha", "/v1/info")[0], 200)
    end(vm)


@case
def slow_and_many_clients_block_nobody(t):
    vm = start("alpha", BUSY)
    idle = [connect("alpha") for _ in range(50)]
    half = connect("alpha")
    half.sendall(b"GET /v1/in")
    deaf = connect("alpha")
    deaf.sendall(b"GET /v1/stats HTTP/1.1\r\n\r\n" * 100)
    t.equal(get("alpha", "/v1/info")[0], 200)
    half.sendall(b"fo HTTP/1.1\r\nHost: vm\r\n\r\n")
    t.true(b"200 OK" in read_all(half), "half a request was not finished")
    # The oldest made room.
    t.equal(read_all(idle[0]), b"")
    for client in idle + [half, deaf]:
        client.close()
    t.equal(get("alpha", "/v1/info")[0], 200)
    count = len(os.listdir(f"/proc/{vm.pid}/fd"))
    t.true(count < 40, f"{count} open files")
    end(vm)


@case
def random_requests_do_no_harm(t):
    vm = start("alpha")
    state = 12345
    pieces = [b"GET ", b"/v1/stats", b" HTTP/1.1", b"\r\n", b"Host: x",
              b"Transfer-Encoding: chunked", b"Content-Length: 99999999999999999999",
              b"ffffffffffffffff\r\n", b"\x00", b"Upgrade: h2c", b"Connection: upgrade",
              b"CONNECT ", b"a:1", b"\r\n\r\n", b" ", b"\xff" * 40]
    for _ in range(300):
        request = b""
        for _ in range(12):
            state = (state * 1103515245 + 12345) % (1 << 31)
            request += pieces[state >> 8 & 15]
        with connect("alpha") as client:
            try:
                client.sendall(request)
                client.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass
            read_all(client)
    t.equal(get("alpha", "/v1/info")[0], 200)
    end(vm)


@case
def stats_once_and_as_json(t):
    vm = start("alpha", BUSY)
    stats_above("alpha", 0)
    status, output, error = run("stats", "--once", "alpha")
    t.equal((status, error), (0, ""))
    rows = {line.split()[0]: line.split()[1:] for line in output.splitlines()}
    t.true(int(rows["exit_cpuid"][1]) > 0, output)
    t.equal(rows["exit_cpuid"][0], "-")
    t.true("exit_task_switch" not in rows, "a counter that never counted")
    status, output, error = run("stats", "--once", "--json", "alpha")
    t.equal((status, error), (0, ""))
    t.true(json.loads(output)["vcpus"][0]["counters"]["exit_cpuid"] > 0, output)
    end(vm)


@case
def several_processors_one_by_one(t):
    vm = start("alpha", BUSY, "--cpus", "3")
    stats_above("alpha", 0)
    stats = get("alpha", "/v1/stats")[1]
    t.equal([v["id"] for v in stats["vcpus"]], [0, 1, 2])
    counters = [v["counters"]["exit_cpuid"] for v in stats["vcpus"]]
    t.true(counters[0] > 0 and counters[1:] == [0, 0], f"exit_cpuid {counters}")
    end(vm)


class Terminal:
    """`vm stats` on a terminal of its own."""

    def __init__(self, *arguments):
        self.master, self.slave = pty.openpty()
        subprocess.run(["stty", "rows", "30", "cols", "120"], stdin=self.slave, check=False)
        self.process = subprocess.Popen(["vm", "stats", *arguments], stdin=self.slave,
                                        stdout=self.slave, stderr=self.slave,
                                        start_new_session=True)
        self.seen = b""

    def until(self, wanted):
        deadline = time.monotonic() + TIMEOUT
        while not wanted(self.seen) and time.monotonic() < deadline:
            if select.select([self.master], [], [], 1)[0]:
                self.seen += os.read(self.master, 65536)
        return wanted(self.seen)

    def end(self):
        status = self.process.wait(TIMEOUT)
        while select.select([self.master], [], [], 0.2)[0]:
            self.seen += os.read(self.master, 65536)
        os.close(self.slave)
        os.close(self.master)
        return status


def has_rate(text):
    """A second picture, in which CPUID exits have a rate."""
    for line in text.split(b"\n"):
        words = line.split()
        if len(words) > 2 and words[0] == b"exit_cpuid" and words[1].isdigit() and int(words[1]):
            return True
    return False


@case
def live_on_a_terminal_until_q(t):
    vm = start("alpha", BUSY, "--cpus", "2")
    terminal = Terminal("alpha")
    t.true(terminal.until(has_rate), terminal.seen[-2000:])
    t.true(b"cpu0" in terminal.seen and b"cpu1" in terminal.seen, "no column a processor")
    os.write(terminal.master, b"q")
    t.equal(terminal.end(), 0)
    t.true(terminal.seen.rstrip().endswith(b"\x1b[?1049l"), "the screen is not given back")
    end(vm)


@case
def live_ends_with_the_guest(t):
    vm = start("alpha", BUSY)
    terminal = Terminal("alpha")
    t.true(terminal.until(has_rate), terminal.seen[-2000:])
    end(vm)
    t.equal(terminal.end(), 1)
    t.true(b"no guest 'alpha' runs here" in terminal.seen, terminal.seen[-300:])


@case
def list_shows_who_runs(t):
    guests = [start("alpha"), start("beta", HALTED, "--cpus", "2", "--memory", "64M")]
    status, output, error = run("list")
    t.equal((status, error), (0, ""))
    rows = {line.split()[0]: line.split()[1:] for line in output.splitlines()[1:]}
    t.equal(rows, {"alpha": [str(guests[0].pid), "1", "512M"],
                   "beta": [str(guests[1].pid), "2", "64M"]})
    status, _, error = run("stats", "--once", "gamma")
    t.equal((status, sorted(error.split("there are:")[-1].split())), (1, ["alpha", "beta"]))
    for vm in guests:
        end(vm)
    t.equal(run("list")[1].count("\n"), 1)


@case
def wrong_arguments(t):
    for words in (["stats"], ["stats", "--bogus", "x"], ["stats", "a", "b"], ["list", "x"]):
        status, output, error = run(*words)
        t.equal((words, status, output, error.count("\n")), (words, 2, "", 1))
    t.equal(run("stats", "--once", "../x")[0], 1)
    t.equal(run("stats", "--once", "x" * 300)[0], 1)
    t.equal(run("stats", "--help")[0], 0)


suite.main()
