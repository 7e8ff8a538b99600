"""Runs inside the sandbox: limits itself, joins loopback to the one way out, calls the handler, tells.

Standard library only, and nothing of this package: it is one file that the sandbox is given.
"""

import importlib
import json
import os
import resource
import socket
import sys
import threading
import traceback
import types

PORT = 4443
"""Of this sandbox's own loopback; the name of the host is what the certificate is checked against."""


def main(told_by: int) -> None:
    request = json.loads(sys.stdin.buffer.read())
    told = os.fdopen(told_by, "wb")
    sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115
    os.environ.update(request["environment"])
    sys.path.extend(["/script", "/packages"])
    if request["reaches"]:
        _join(request["reaches"])
    _limit(request["limits"])
    answer = _answer(request)
    sys.stdout.flush()
    sys.stderr.flush()
    told.write(answer)
    told.flush()
    # Threads that the script left behind do not keep it alive.
    os._exit(0)


def _limit(limits: "dict[str, int]") -> None:
    for kind, value in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_FSIZE, limits["files"]),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))
    os.nice(10)


def _answer(request: "dict[str, object]") -> bytes:
    try:
        result = _call(str(request["handler"]), request["payload"], request["context"])
        return json.dumps({"result": result}).encode()
    except BaseException as error:  # noqa: BLE001 - whatever a script raises is its answer
        traceback.print_exception(type(error), error, _without_us(error.__traceback__))
        said = traceback.format_exception_only(type(error), error)[-1].strip()
        return json.dumps({"error": said[:2000]}).encode()


def _call(handler: str, payload: object, context: object) -> object:
    module, _, function = handler.rpartition(".")
    found = importlib.import_module(module)
    called = getattr(found, function, None)
    if called is None:
        raise NameError(f"the script has no function {function!r}")
    return called(payload, context)


def _without_us(trace: "types.TracebackType | None") -> "types.TracebackType | None":
    while trace is not None and "/script/" not in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    return trace


def _join(outside: str) -> None:
    inside = socket.create_server(("127.0.0.1", PORT))
    threading.Thread(target=_accept, args=(inside, outside), daemon=True).start()


def _accept(inside: socket.socket, outside: str) -> None:
    while True:
        one, _ = inside.accept()
        other = socket.socket(socket.AF_UNIX)
        try:
            other.connect(outside)
        except OSError:
            one.close()
            continue
        for source, sink in ((one, other), (other, one)):
            threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        sink.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
