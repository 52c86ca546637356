"""A RADIUS server by RFC 2865 and RFC 3579, of its own making: says which port it listens on, and then what it was asked.

Arguments: the shared secret, and how it answers: `honest`, `unsigned` (no Message-Authenticator), `forged` (by another secret), `silent_once`.
"""

import hashlib
import hmac
import socket
import struct
import sys

secret, manner = sys.argv[1].encode(), sys.argv[2]
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)


def attributes(packet):
    at = 20
    while at < len(packet):
        yield packet[at], at + 2, packet[at + 2 : at + packet[at + 1]]
        at += packet[at + 1]


def shown(hidden, authenticator):
    clear, before = b"", authenticator
    for at in range(0, len(hidden), 16):
        block = hidden[at : at + 16]
        mask = hashlib.md5(secret + before).digest()
        clear += bytes(a ^ b for a, b in zip(block, mask))
        before = block
    return clear.rstrip(b"\0")


asked = 0
while True:
    packet, peer = server.recvfrom(4096)
    asked += 1
    if manner == "silent_once" and asked == 1:
        continue
    code, identifier, length = struct.unpack("!BBH", packet[:4])
    authenticator, found = packet[4:20], {kind: value for kind, _, value in attributes(packet)}
    place = next(at for kind, at, _ in attributes(packet) if kind == 80)
    blank = packet[:place] + bytes(16) + packet[place + 16 :]
    proved = hmac.compare_digest(hmac.new(secret, blank, "md5").digest(), found[80])
    name, password = found[1].decode(), shown(found[2], authenticator)
    print(f"{code} {name} {proved}", flush=True)
    by = b"another" if manner == "forged" else secret
    answer = 2 if proved and password == b"314159" else 3
    rest = b"" if manner == "unsigned" else bytes([80, 18]) + bytes(16)
    # A server may say something to people.
    rest += bytes([18, 7]) + b"hello"
    start = struct.pack("!BBH", 2 if manner in ("unsigned", "forged") else answer, identifier, 20 + len(rest))
    if manner != "unsigned":
        tag = hmac.new(by, start + authenticator + rest, "md5").digest()
        rest = rest[:2] + tag + rest[18:]
    server.sendto(start + hashlib.md5(start + authenticator + rest + by).digest() + rest, peer)
