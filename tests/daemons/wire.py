"""Sockets that compare: each function sends, receives and raises Wrong when one byte differs.

All are bounded by TIMEOUT for each wait. `duplex` sends and receives at once, which relays need: a peer that only
sends fills every buffer on the way and then waits forever.
"""
import select
import socket
import ssl
import struct
import time

TIMEOUT = 20.0
HOST = '127.0.0.1'
CHUNK = 1 << 18
BUSY = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Wrong(Exception):
    """An answer that is not what the daemon had to say."""


def connect(port, source=None):
    sock = socket.create_connection((HOST, port), TIMEOUT, (source, 0) if source else None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def start_connect(port, source=None, first=b''):
    """Knock and do not wait: the listener may have no place for us."""
    sock = socket.socket()
    sock.setblocking(False)
    if source:
        sock.bind((source, 0))
    sock.connect_ex((HOST, port))
    try:
        sock.send(first)
    except OSError:
        pass
    return sock


def connect_tls(port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connect(port), suppress_ragged_eofs=True)


def connect_socks(port, target):
    """Through a SOCKS5 server without authentication (RFC 1928)."""
    sock = connect(port)
    sock.sendall(b'\5\1\0')
    expect(sock, b'\5\0', 'SOCKS greeting')
    sock.sendall(b'\5\1\0\1' + socket.inet_aton(HOST) + struct.pack('>H', target))
    if receive(sock, 10)[:2] != b'\5\0':
        raise Wrong('SOCKS request refused')
    return sock


def receive(sock, size):
    parts, left = [], size
    while left:
        data = sock.recv(min(CHUNK, left))
        if not data:
            raise Wrong(f'connection ended after {size - left} of {size} bytes')
        parts.append(data)
        left -= len(data)
    return b''.join(parts)


def same(got, want, what):
    if got != want:
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
        raise Wrong(f'{what}: differs at byte {at} of {len(want)} (got {len(got)}): {bytes(got[at:at + 40])!r}')


def expect(sock, want, what):
    same(receive(sock, len(want)), want, what)


def expect_end(sock, what):
    data = sock.recv(100)
    if data:
        raise Wrong(f'{what}: expected the end, got {data[:40]!r}')


def send_in_halves(sock, data, pause):
    half = len(data) // 2
    sock.sendall(data[:half])
    time.sleep(pause)
    sock.sendall(data[half:])


def duplex(sock, data, what, half_close=False):
    """Send DATA and expect it back, both directions at once; HALF_CLOSE says the end first and then expects it."""
    sock.setblocking(False)
    view, got, sent = memoryview(data), [], 0
    missing = len(data)
    while missing:
        moved = False
        if sent < len(view):
            try:
                sent += sock.send(view[sent:sent + CHUNK])
                moved = True
                if half_close and sent == len(view):
                    sock.shutdown(socket.SHUT_WR)
            except BUSY:
                pass
        try:
            piece = sock.recv(min(CHUNK, missing))
            if not piece:
                raise Wrong(f'{what}: connection ended, {missing} of {len(data)} bytes missing')
            got.append(piece)
            missing -= len(piece)
            moved = True
        except BUSY:
            pass
        if not moved:
            await_either(sock, wants_write=sent < len(view), what=what)
    sock.settimeout(TIMEOUT)
    same(b''.join(got), data, what)
    if half_close:
        expect_end(sock, what)


def await_either(sock, wants_write, what):
    poller = select.poll()
    poller.register(sock, select.POLLIN | (select.POLLOUT if wants_write else 0))
    if not poller.poll(TIMEOUT * 1000):
        raise Wrong(f'{what}: nothing moved for {TIMEOUT:g} s')


def reset(sock):
    """Close with RST instead of FIN: SO_LINGER with a zero time (socket(7))."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


class HttpAnswers:
    """Reads HTTP answers from one connection: status line, fields, a body by Content-Length or until the end."""

    def __init__(self, sock):
        self.file = sock.makefile('rb', CHUNK)

    def read(self):
        first = self.file.readline()
        if not first.startswith(b'HTTP/1.'):
            raise Wrong(f'no HTTP answer: {first[:60]!r}')
        fields = {}
        while (line := self.file.readline().rstrip()):
            name, _, value = line.partition(b':')
            fields[name.lower()] = value.strip()
        length = fields.get(b'content-length')
        return int(first.split()[1]), self.file.read() if length is None else self.file.read(int(length))

    def expect(self, body, what, code=200):
        got_code, got = self.read()
        if got_code != code:
            raise Wrong(f'{what}: HTTP status {got_code} instead of {code}: {got[:80]!r}')
        if body is not None:
            same(got, body, what)


def http_request(path, host, body=None, last=False, absolute=False):
    """GET, or POST when there is a BODY; ABSOLUTE is the form that proxies get (RFC 9112, 3.2.2)."""
    method, length = ('GET', '') if body is None else ('POST', f'Content-Length: {len(body)}\r\n')
    target = f'http://{host}{path}' if absolute else path
    head = f'{method} {target} HTTP/1.1\r\nHost: {host}\r\n{length}Connection: {"close" if last else "keep-alive"}\r\n\r\n'
    return head.encode() + (body or b'')
