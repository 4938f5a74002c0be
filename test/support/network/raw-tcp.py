"""Sends TCP segments with these flags from one port, one after the other, and prints the flags of what answers the last one.

raw-tcp.py SOURCE DESTINATION PORT FLAGS...   flags as letters: S A F P U R
"""
import random
import socket
import struct
import sys

source, target, port, *segments = sys.argv[1:]
BITS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32}
own_port = random.randint(20000, 60000)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(flags):
    bits = sum(BITS[letter] for letter in flags)
    header = struct.pack("!HHIIBBHHH", own_port, int(port), 1000, 0, 5 << 4, bits, 64240, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack("!BBH", 0, 6, len(header))
    return header[:16] + struct.pack("!H", checksum(pseudo + header)) + header[18:]


with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
    raw.bind((source, 0))
    raw.settimeout(1)
    for flags in segments:
        raw.sendto(segment(flags), (target, 0))
    try:
        while True:
            packet = raw.recv(4096)
            tcp = packet[(packet[0] & 15) * 4 :]
            if struct.unpack("!HH", tcp[:4]) == (int(port), own_port):
                print("".join(letter for letter, bit in BITS.items() if tcp[13] & bit))
                break
    except (TimeoutError, socket.timeout):
        pass
