"""The daemons: how each is configured and started, who its clients are, and what is particular about it.

A new daemon is a class of a few lines: `start` writes its configuration into the box and starts it, `client` makes
client NUMBER and `short` has a whole short conversation.
`is_enabled = False` leaves a daemon out until it passes green; `run --pending` tries those.
"""
import os
import signal
import socket
import subprocess

import bodies
import clients
import phases
import procfs
import wire
from box import Failure, wait_until


class Daemon:
    name = package = binary = None
    is_enabled = True
    is_required = True              # `make deps` installs it; without that it is skipped where it is missing
    thread_per_connection = True    # native: at least one kernel thread a client
    may_offload = False             # its work includes files or names, so offload threads are right
    foreign_threads = 0             # kernel threads that it makes behind the library's back, at most
    nofile = 64                     # descriptor limit of the exhaustion phase; None: not survived natively (say why)
    churn_count = 2000
    backlog = phases.CLIENTS        # how many may connect at the same time without being dropped by listen()'s limit
    stop_signal = signal.SIGTERM

    def __init__(self, box):
        self.box = box

    def start(self):
        raise NotImplementedError

    def client(self, number):
        raise NotImplementedError

    def short(self, number):
        """One conversation of the churn: connect, one answer, end."""
        raise NotImplementedError

    def knock(self):
        """A connection that is begun and then stays silent."""
        return wire.start_connect(self.port)

    def settle(self):
        """Called when all clients of a crowd are done: compare what the daemon itself reports."""

    def get_once(self, sock, port, **form):
        """One GET on a connection to the HTTP server at PORT, by whatever way, and the end."""
        with sock:
            sock.sendall(wire.http_request('/small.bin', f'{wire.HOST}:{port}', last=True, **form))
            wire.HttpAnswers(sock).expect(bodies.SMALL, 'short request')


class HttpRelay(Daemon):
    """An HTTP proxy before our own backend."""

    def make_backend(self):
        self.http, self.echo = self.box.start_backend()
        self.port = self.box.port()

    def client(self, number):
        return clients.HttpProxy(number, self.port, self.http, self.echo)

    def short(self, number):
        self.get_once(wire.connect(self.port), self.http, absolute=True)


class Tinyproxy(HttpRelay):
    name = package = binary = 'tinyproxy'
    may_offload = True              # calls fsync after each line of its log

    def start(self):
        self.make_backend()
        config = self.box.write('tinyproxy.conf', f'''
Port {self.port}
Listen 127.0.0.1
Timeout 60
MaxClients 400
LogLevel Warning
LogFile "{self.box.path('tinyproxy.log')}"
Allow 127.0.0.1
ConnectPort {self.echo}
''')
        self.box.start_daemon(['tinyproxy', '-d', '-c', config], self.port)


class Microsocks(Daemon):
    name = package = binary = 'microsocks'

    def start(self):
        self.http, self.echo = self.box.start_backend()
        self.port = self.box.port()
        self.box.start_daemon(['microsocks', '-i', '127.0.0.1', '-p', str(self.port)], self.port)

    def client(self, number):
        if number % 2:
            return clients.HttpSocks(number, self.port, self.http)
        return clients.Echo(number, lambda: wire.connect_socks(self.port, self.echo), half_close=False)

    def short(self, number):
        self.get_once(wire.connect_socks(self.port, self.http), self.http)


class Stunnel(Daemon):
    name, package, binary = 'stunnel', 'stunnel4', 'stunnel4'
    churn_count = 600      # a TLS handshake each

    def start(self):
        http, echo = self.box.start_backend()
        self.port, self.echo_port = self.box.port(), self.box.port()
        pem = self.box.path('both.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                        '-days', '2', '-subj', '/CN=localhost', '-keyout', pem, '-out', self.box.path('cert.pem')],
                       check=True, capture_output=True)
        with open(pem, 'ab') as both:
            both.write(procfs.read(self.box.path('cert.pem')).encode())
        os.chmod(pem, 0o600)
        config = self.box.write('stunnel.conf', f'''
foreground = yes
pid =
debug = 4
syslog = no
sessionCacheSize = 1
[http]
accept = 127.0.0.1:{self.port}
connect = 127.0.0.1:{http}
cert = {pem}
[echo]
accept = 127.0.0.1:{self.echo_port}
connect = 127.0.0.1:{echo}
cert = {pem}
''')
        self.box.start_daemon(['stunnel4', config], self.echo_port)

    def client(self, number):
        if number % 2:
            return clients.HttpTls(number, self.port)
        return clients.Echo(number, lambda: wire.connect_tls(self.echo_port), half_close=False)

    def short(self, number):
        self.get_once(wire.connect_tls(self.port), self.port)


class Iperf(Daemon):
    name = package = binary = 'iperf'
    churn_count = 1000
    is_report = staticmethod(lambda fields: len(fields) >= 9 and fields[5] != '-1')

    def start(self):
        self.port, self.totals = self.box.port(), {}
        # One arena: a buffer of 128 KiB a connection in up to 16 arenas would look like a leak for long.
        self.box.start_daemon(['iperf', '-s', '-B', '127.0.0.1', '-p', str(self.port), '-y', 'C'], self.port,
                              MALLOC_ARENA_MAX='1')

    def client(self, number):
        return clients.Sink(number, self.port, self.totals)

    def knock(self):
        """The listener itself reads the first bytes, so a silent client would keep all others out."""
        return wire.start_connect(self.port, clients.Sink.source(), clients.Sink.HEADER)

    def short(self, number):
        with wire.connect(self.port, clients.Sink.source()) as sock:
            sock.sendall(clients.Sink.HEADER + bodies.piece(number, 3000))
            sock.shutdown(socket.SHUT_WR)
            wire.expect_end(sock, 'after the half-close')

    def settle(self):
        """One report line a connection: date,client,port,server,port,id,interval,bytes,bits/s.

        The bytes are those after the four of the flags.
        """
        def reported():
            lines = [line.split(',') for line in procfs.read(self.box.daemon.log).splitlines()]
            return {(f[1], int(f[2])): int(f[7]) + 4 for f in lines if self.is_report(f)}

        wait_until('a report for each client', lambda: self.totals.keys() <= reported().keys())
        wrong = {client: (got, self.totals[client]) for client, got in reported().items()
                 if client in self.totals and got != self.totals[client]}
        if wrong:
            raise Failure(f'byte counts differ, client: (reported, sent): {dict(list(wrong.items())[:3])}')
        self.totals.clear()


class Memcached(Daemon):
    """An event loop a worker thread (4), connections handed over through a pipe or eventfd."""
    name = package = binary = 'memcached'
    is_required = False
    churn_count = 600
    thread_per_connection = False
    nofile = None          # it sets its own limit at start and refuses a lower one

    def start(self):
        self.port = self.box.port()
        user = ['-u', 'nobody'] if os.getuid() == 0 else []
        self.box.start_daemon(['memcached', '-l', '127.0.0.1', '-p', str(self.port), '-U', '0', '-t', '4', '-m', '128',
                               '-I', '2m'] + user, self.port)

    def client(self, number):
        return clients.Memcached(number, self.port)

    def short(self, number):
        with wire.connect(self.port) as sock:
            sock.sendall(b'set s 0 0 4\r\nwxyz\r\nget s\r\n')
            wire.expect(sock, b'STORED\r\nVALUE s 0 4\r\nwxyz\r\nEND\r\n', 'set and get')


class Redis(Daemon):
    """One event loop and three background threads, on jemalloc.

    libjemalloc takes pthread_create from libc by dlsym(RTLD_NEXT), past any preload: its threads, four at most, stay
    kernel threads.
    """
    name = package = binary = 'redis-server'
    is_required = False
    churn_count = 600
    thread_per_connection = False
    may_offload = True
    foreign_threads = 4
    io_threads = 1

    def start(self):
        self.port = self.box.port()
        self.box.start_daemon(['redis-server', '--port', str(self.port), '--bind', '127.0.0.1', '--dir', self.box.dir,
                               '--save', '', '--appendonly', 'no', '--io-threads', str(self.io_threads),
                               '--io-threads-do-reads', 'yes', '--daemonize', 'no'], self.port)

    def client(self, number):
        return clients.Redis(number, self.port)

    def short(self, number):
        with wire.connect(self.port) as sock:
            sock.sendall(b'SET s wxyz\r\nGET s\r\n')
            wire.expect(sock, b'+OK\r\n$4\r\nwxyz\r\n', 'SET and GET')


class RedisIoThreads(Redis):
    """Hands work to four threads and then spins until they are done, without a call that could let them run."""
    name = 'redis-io-threads'
    is_enabled = False     # needs preemption
    io_threads = 4


class FileServer(Daemon):
    """What apache2, nginx and python3 have in common: bodies.FILES under www, HTTP kept alive."""
    may_offload = True
    half_closes = True

    def make_files(self):
        self.port = self.box.port()
        os.mkdir(self.box.path('www'))
        for path, body in bodies.FILES.items():
            self.box.write('www' + path, body)

    def client(self, number):
        return clients.Http(number, self.port, self.half_closes)

    def short(self, number):
        self.get_once(wire.connect(self.port), self.port)


class PythonHttp(FileServer):
    """python3 -m http.server is a ThreadingHTTPServer: a thread a connection, files from a directory."""
    name, package, binary = 'python-http', 'python3', '/usr/bin/python3'
    backlog = 4            # socketserver's request_queue_size is 5

    def start(self):
        self.make_files()
        self.box.start_daemon([self.binary, '-m', 'http.server', '-p', 'HTTP/1.1', '-b', '127.0.0.1', '-d', 'www',
                               str(self.port)], self.port)


class Apache(FileServer):
    """mpm_worker: a listener thread and a pool of 256 workers in one child process."""
    name, package, binary = 'apache2', 'apache2', 'apache2'
    is_required = False
    churn_count = 600
    MODULES = '/usr/lib/apache2/modules'

    def start(self):
        self.make_files()
        user = 'User www-data\nGroup www-data' if os.getuid() == 0 else ''
        loads = '\n'.join(f'LoadModule {name}_module {self.MODULES}/mod_{name}.so' for name in ('mpm_worker', 'authz_core'))
        config = self.box.write('apache.conf', f'''
ServerRoot {self.box.dir}
ServerName localhost
Listen 127.0.0.1:{self.port}
PidFile {self.box.path('pid')}
Mutex pthread
AcceptFilter http none
{loads}
{user}
DocumentRoot {self.box.path('www')}
ErrorLog /dev/stderr
<Directory {self.box.dir}>
 Require all granted
</Directory>
KeepAlive On
KeepAliveTimeout 30
ServerLimit 1
StartServers 1
ThreadLimit 256
ThreadsPerChild 256
MaxRequestWorkers 256
MinSpareThreads 1
MaxSpareThreads 256
''')
        self.box.start_daemon(['apache2', '-DFOREGROUND', '-f', config], self.port)


class Nginx(FileServer):
    """A master, one event-loop worker, and a thread pool that reads the files."""
    name, package, binary = 'nginx', 'nginx-light', 'nginx'
    is_required = False
    churn_count = 600
    thread_per_connection = False
    half_closes = False    # it takes the client's end for a hang-up

    def start(self):
        self.make_files()
        temp = '\n'.join(f'{kind}_temp_path {self.box.path(kind)};' for kind in
                         ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        user = 'user www-data;' if os.getuid() == 0 else ''
        config = self.box.write('nginx.conf', f'''
daemon off; worker_processes 1; pid {self.box.path('pid')}; error_log stderr notice; {user}
thread_pool default threads=8 max_queue=1000;
events {{ worker_connections 600; }}
http {{ access_log off; {temp}
aio threads; sendfile off; output_buffers 2 64k; keepalive_requests 100000;
server {{ listen 127.0.0.1:{self.port}; root {self.box.path('www')}; }} }}
''')
        self.box.start_daemon(['nginx', '-p', self.box.dir, '-c', config], self.port)


class Privoxy(HttpRelay):
    """A thread a connection, with a content filter that has to read the whole answer."""
    name, package, binary = 'privoxy', 'privoxy', 'privoxy'
    is_required = False
    churn_count = 600
    may_offload = True

    def start(self):
        self.make_backend()
        config = self.box.write('config', f'''
confdir {self.box.dir}
templdir /etc/privoxy/templates
logdir {self.box.dir}
listen-address 127.0.0.1:{self.port}
max-client-connections 400
listen-backlog 300
debug 4096
debug 8192
''')
        self.box.start_daemon(['privoxy', '--no-daemon', config], self.port)


ALL = [Tinyproxy, Microsocks, Stunnel, Iperf, PythonHttp, Memcached, Redis, RedisIoThreads, Apache, Nginx, Privoxy]
