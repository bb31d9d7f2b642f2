"""The clients, one class a protocol. Each has three steps, so that a crowd can be held in the middle.

open()   connect and leave the daemon's thread waiting in the middle of something (half a request)
work()   finish that and do everything else; every answer is compared
close()  end the conversation in the protocol's own way

NUMBER tells the clients of a crowd apart: it selects what is big, who half-closes, and the bytes that are sent.
"""
import ipaddress
import itertools
import socket
import time

import bodies
import wire

PAUSE = 0.05      # of a slow sender, between its two halves


class Client:
    def __init__(self, number):
        self.number = number
        self.sock = None

    def open(self):
        raise NotImplementedError

    def work(self):
        raise NotImplementedError

    def close(self):
        if self.sock:
            self.sock.close()

    def vanish(self):
        """Open and reset: even numbers in the middle of their request, odd ones while a large answer is on its way."""
        self.open()
        if self.number % 2:
            self.await_much()
        wire.reset(self.sock)

    def await_much(self):
        """Ask for something large and read only its beginning."""

    def is_big(self):
        return self.number % 8 == 0


class Http(Client):
    """GETs on one kept-alive connection; each fourth client closes its sending side with its last request."""

    def __init__(self, number, port, half_closes=True):
        super().__init__(number)
        self.port, self.half_closes = port, half_closes

    def connect(self):
        return wire.connect(self.port)

    def request(self, path, body=None, last=False):
        return wire.http_request(path, f'{wire.HOST}:{self.port}', body, last)

    def open(self):
        self.sock = self.connect()
        self.answers = wire.HttpAnswers(self.sock)
        self.first = self.request('/small.bin')
        self.sock.sendall(self.first[:20])

    def await_much(self):
        self.sock.sendall(self.first[20:] + self.request('/big.bin'))
        wire.receive(self.sock, 20000)

    def work(self):
        self.sock.sendall(self.first[20:])
        self.answers.expect(bodies.SMALL, 'first answer')
        path = '/big.bin' if self.is_big() else '/small.bin'
        wire.send_in_halves(self.sock, self.request(path), PAUSE)
        self.answers.expect(bodies.FILES[path], f'GET {path}')
        self.sock.sendall(self.request('/empty.bin'))
        self.answers.expect(b'', 'GET of an empty file')
        self.sock.sendall(self.request('/small.bin', last=True))
        if self.half_closes and self.number % 4 == 1:
            self.sock.shutdown(socket.SHUT_WR)
        self.answers.expect(bodies.SMALL, 'last answer')
        wire.expect_end(self.sock, 'after Connection: close')


class HttpSocks(Http):
    """The same through a SOCKS5 proxy."""

    def __init__(self, number, port, target):
        super().__init__(number, port, half_closes=False)     # relays may end both directions at the first end
        self.target = target

    def connect(self):
        return wire.connect_socks(self.port, self.target)


class HttpTls(Http):
    """The same inside TLS."""

    def __init__(self, number, port):
        super().__init__(number, port, half_closes=False)     # TLS has no half-close of its own

    def connect(self):
        return wire.connect_tls(self.port)


class HttpPost(Http):
    """Bodies go there and back, slowly: in two halves."""

    def work(self):
        self.sock.sendall(self.first[20:])
        self.answers.expect(bodies.SMALL, 'first answer')
        body = bodies.piece(self.number, 2 << 20 if self.is_big() else 5000)
        wire.send_in_halves(self.sock, self.request('/echo', body), PAUSE)
        self.answers.expect(body, 'POST')
        self.sock.sendall(self.request('/echo', b'x', last=True))
        self.answers.expect(b'x', 'last POST')
        wire.expect_end(self.sock, 'after Connection: close')


class HttpProxy(Client):
    """Absolute-form requests through a proxy that may close after each answer: a connection a request.

    Each fourth client posts, each other fourth asks for a tunnel (CONNECT) and talks to the echo through it.
    """

    def __init__(self, number, port, http_port, echo_port=None):
        super().__init__(number)
        self.port, self.http_port, self.echo_port = port, http_port, echo_port

    def request(self, path, body=None):
        return wire.http_request(path, f'{wire.HOST}:{self.http_port}', body, last=True, absolute=True)

    def open(self):
        self.sock = wire.connect(self.port)
        self.first = self.request('/small.bin')
        self.sock.sendall(self.first[:20])

    def work(self):
        self.sock.sendall(self.first[20:])
        self.finish(bodies.SMALL, 'first answer')
        if self.number % 4 == 2:
            body = bodies.piece(self.number, 2 << 20 if self.number % 16 == 2 else 5000)
            self.fetch(self.request('/echo', body), body, 'POST')
        elif self.number % 4 == 3 and self.echo_port:
            self.tunnel()
        path = '/big.bin' if self.is_big() else '/small.bin'
        self.fetch(self.request(path), bodies.FILES[path], f'GET {path}')

    def await_much(self):
        self.close()
        self.sock = wire.connect(self.port)
        self.sock.sendall(self.request('/big.bin'))
        wire.receive(self.sock, 20000)

    def fetch(self, request, body, what):
        self.sock = wire.connect(self.port)
        wire.send_in_halves(self.sock, request, PAUSE)
        self.finish(body, what)

    def finish(self, body, what):
        wire.HttpAnswers(self.sock).expect(body, what)
        self.sock.close()

    def tunnel(self):
        target = f'{wire.HOST}:{self.echo_port}'
        self.sock = wire.connect(self.port)
        self.sock.sendall(f'CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n'.encode())
        head = b''
        while not head.endswith(b'\r\n\r\n'):
            head += wire.receive(self.sock, 1)
        if b' 200 ' not in head.split(b'\r\n')[0]:
            raise wire.Wrong(f'CONNECT refused: {head[:60]!r}')
        for turn in range(5):
            message = bodies.piece(self.number + turn, 3000)
            self.sock.sendall(message)
            wire.expect(self.sock, message, 'tunnelled echo')
        wire.duplex(self.sock, bodies.piece(self.number, 1 << 20), 'tunnelled bulk')
        self.sock.close()


class Echo(Client):
    """Messages to an echo behind a relay; the bulk at the end goes both ways at once, then the sender half-closes."""

    def __init__(self, number, connect, half_close=True):
        super().__init__(number)
        self.connect, self.half_close = connect, half_close

    def open(self):
        self.sock = self.connect()
        self.first = bodies.piece(self.number, 2000)
        self.sock.sendall(self.first[:1000])
        wire.expect(self.sock, self.first[:1000], 'first half')

    def work(self):
        self.sock.sendall(self.first[1000:])
        wire.expect(self.sock, self.first[1000:], 'second half')
        for turn in range(5):
            message = bodies.piece(self.number + turn, 1 + turn * 777)
            wire.send_in_halves(self.sock, message, PAUSE / 5)
            wire.expect(self.sock, message, 'echo')
        size = 3 << 20 if self.is_big() else 50000
        wire.duplex(self.sock, bodies.piece(self.number, size), 'bulk', self.half_close)


class Sink(Client):
    """Sends and counts: for servers that report how much came from whom. The end is said by half-closing.

    The first bytes are zero, because iperf takes them for its own header and flags. Each connection comes from an
    address of its own: iperf 2.1.8 frees what it sums up for one address when the last connection from there ends,
    and crashes (natively) when the next one arrives at that moment.
    """
    HEADER = bytes(2000)
    serial = itertools.count(1)

    def __init__(self, number, port, totals):
        super().__init__(number)
        self.port, self.totals = port, totals

    @classmethod
    def source(cls):
        return str(ipaddress.IPv4Address('127.1.0.0') + next(cls.serial))

    def open(self):
        self.sock = wire.connect(self.port, self.source())
        self.data = self.HEADER + bodies.piece(self.number, 4 << 20 if self.is_big() else 100000 + self.number)
        self.sock.sendall(self.data[:70000])

    def work(self):
        wire.send_in_halves(self.sock, self.data[70000:], PAUSE)
        self.totals[self.sock.getsockname()] = len(self.data)
        self.sock.shutdown(socket.SHUT_WR)
        wire.expect_end(self.sock, 'after the half-close')


class Memcached(Client):
    def __init__(self, number, port):
        super().__init__(number)
        self.port = port

    def open(self):
        self.sock = wire.connect(self.port)
        self.value = bodies.piece(self.number, 600)
        self.command = b'set k%d 0 0 600\r\n' % self.number + self.value
        self.sock.sendall(self.command[:300])

    def work(self):
        self.sock.sendall(self.command[300:] + b'\r\n')
        wire.expect(self.sock, b'STORED\r\n', 'set')
        self.get(b'k%d' % self.number, self.value)
        for turn in range(10):
            key, value = b'k%d.%d' % (self.number, turn), bodies.piece(self.number + turn, 100 + turn * 3000)
            self.put(key, value)
            self.get(key, value)
        if self.is_big():
            self.put(b'big%d' % self.number, bodies.BIG[:1000000])
            self.get(b'big%d' % self.number, bodies.BIG[:1000000])
        self.sock.sendall(b'get nothing\r\n')
        wire.expect(self.sock, b'END\r\n', 'miss')

    def put(self, key, value):
        self.sock.sendall(b'set %s 0 0 %d\r\n%s\r\n' % (key, len(value), value))
        wire.expect(self.sock, b'STORED\r\n', 'set')

    def get(self, key, value):
        self.sock.sendall(b'get %s\r\n' % key)
        wire.expect(self.sock, b'VALUE %s 0 %d\r\n%s\r\nEND\r\n' % (key, len(value), value), 'get')


class Redis(Client):
    def __init__(self, number, port):
        super().__init__(number)
        self.port = port

    def open(self):
        self.sock = wire.connect(self.port)
        self.command = self.encode(b'SET', b'k%d' % self.number, bodies.piece(self.number, 600))
        self.sock.sendall(self.command[:300])

    def work(self):
        self.sock.sendall(self.command[300:])
        wire.expect(self.sock, b'+OK\r\n', 'SET')
        for turn in range(10):
            self.put_and_get(b'k%d.%d' % (self.number, turn), bodies.piece(self.number + turn, 100 + turn * 3000))
        if self.is_big():
            self.put_and_get(b'big%d' % self.number, bodies.piece(self.number, 2 << 20))
        self.sock.sendall(self.encode(b'DEL', b'k%d' % self.number))
        wire.expect(self.sock, b':1\r\n', 'DEL')

    def put_and_get(self, key, value):
        self.sock.sendall(self.encode(b'SET', key, value))
        wire.expect(self.sock, b'+OK\r\n', 'SET')
        self.sock.sendall(self.encode(b'GET', key))
        wire.expect(self.sock, b'$%d\r\n%s\r\n' % (len(value), value), 'GET')

    @staticmethod
    def encode(*words):
        return b'*%d\r\n' % len(words) + b''.join(b'$%d\r\n%s\r\n' % (len(w), w) for w in words)
