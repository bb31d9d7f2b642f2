#!/usr/bin/python3
"""The native server behind proxies and relays: HTTP on one port, a byte echo on the other. One asyncio thread.

HTTP: GET of a path in bodies.FILES gives that file, POST to /echo gives the request's body back; connections are
kept alive. The echo sends back what it gets and closes its side after the peer has closed its own.
Usage: backend.py HTTP_PORT ECHO_PORT
"""
import asyncio
import socket
import sys

import bodies

BACKLOG = 1024


async def http(reader, writer):
    try:
        while head := await reader.readuntil(b'\r\n\r\n'):
            lines = head.decode('latin-1').split('\r\n')
            method, path, _ = lines[0].split(' ', 2)
            fields = dict(line.lower().split(': ', 1) for line in lines[1:] if ': ' in line)
            body = await reader.readexactly(int(fields.get('content-length', 0)))
            answer = body if method == 'POST' else bodies.FILES.get(path)
            code = '404 Not Found' if answer is None else '200 OK'
            answer = answer or b''
            writer.write(f'HTTP/1.1 {code}\r\nContent-Length: {len(answer)}\r\n\r\n'.encode())
            writer.write(answer)
            await writer.drain()
            if fields.get('connection', '') == 'close':
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def echo(reader, writer):
    try:
        while data := await reader.read(1 << 18):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(http_port, echo_port):
    await asyncio.start_server(http, '127.0.0.1', http_port, backlog=BACKLOG, limit=1 << 20, family=socket.AF_INET)
    server = await asyncio.start_server(echo, '127.0.0.1', echo_port, backlog=BACKLOG, limit=1 << 20)
    await server.serve_forever()


if __name__ == '__main__':
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
