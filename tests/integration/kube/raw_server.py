"""A server that misbehaves on request, for the tests of this folder.

usage: raw_server.py MODE [CERTIFICATE KEY]

Prints its port, then "METHOD path" for every request that it reads. Serves until its standard input ends. Modes:
  answer        a JSON object, connection kept
  close         reads the request, closes without a word
  drop-reused   answers the first request of a connection, closes at the second
  garbage       something that is not HTTP
  stall         reads the request, says nothing
  drip          an answer without end, a byte now and then
  flood         an answer without end, as fast as it goes
  events        three lines of a watch, cut in the middle of a character, then the end
  long-line     a line of a watch without end
  redirect      sends the client elsewhere
"""

import socket
import ssl
import sys
import threading
import time

OUTPUT = threading.Lock()

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
EVENT = '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"%d","name":"\u00fc\u20ac"}}}\n'


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += connection.recv(65536)
    with OUTPUT:  # two threads must not put their words into one line
        print(head.split(b" HTTP/")[0].decode(), flush=True)
    return head


def answer(connection):
    connection.sendall(HEAD + b"Content-Length: 15\r\n\r\n" + b'{"kind":"Echo"}')


def events(connection):
    connection.sendall(CHUNKED)
    data = "".join(EVENT % version for version in (1, 2, 3)).encode()
    for start in range(0, len(data), 7):
        connection.sendall(chunk(data[start : start + 7]))
    connection.sendall(b"0\r\n\r\n")


def endless(connection, piece, pause):
    connection.sendall(CHUNKED)
    while True:
        connection.sendall(chunk(piece))
        time.sleep(pause)


def serve(connection, mode):
    count = 0
    while read_request(connection) is not None:
        count += 1
        if mode == "answer" or (mode == "drop-reused" and count == 1):
            answer(connection)
        elif mode == "garbage":
            connection.sendall(b"\x00\xffSSH-2.0-nonsense\r\n\r\n")
        elif mode == "stall":
            time.sleep(600)
        elif mode == "drip":
            endless(connection, b" ", 0.05)
        elif mode == "flood":
            endless(connection, b"x" * 65536, 0)
        elif mode == "long-line":
            endless(connection, b"y" * 65536, 0)
        elif mode == "events":
            events(connection)
        elif mode == "redirect":
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
        else:
            return


def handle(connection, mode, context):
    try:
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        serve(connection, mode)
    except (OSError, ssl.SSLError):
        pass
    finally:
        connection.close()


def accept_all(listener, mode, context):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=handle, args=(connection, mode, context), daemon=True).start()


def main():
    mode = sys.argv[1]
    context = None
    if len(sys.argv) > 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=accept_all, args=(listener, mode, context), daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
