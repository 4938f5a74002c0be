"""Files that a backup could get wrong, in /uploads.

make    files with odd names and of odd kinds
many    100,000 small ones, and one of 5 GiB that is sparse
digest  prints what all are, with a hash for each
sum     prints one hash of the same
writer  adds, replaces, overwrites and deletes small files until it is killed
check   prints how many files of the writer there are, and those that were never whole
"""

import hashlib
import json
import os
import stat
import sys

ROOT = b"/uploads"


def make():
    odd = os.path.join(ROOT, b"odd")
    os.mkdir(odd)
    names = [b"new\nline", b"tab\tand 'quotes\"", b"-rf", b"n" * 255, b"invalid-\xff\xfe", "ümläut-文".encode(), b"*", b"$(id)"]
    for name in names:
        with open(os.path.join(odd, name), "wb") as file:
            file.write(name)
    with open(os.path.join(odd, b"sparse"), "wb") as file:
        file.write(b"begin")
        file.seek(64 * 1024 * 1024)
        file.write(b"end")
    os.link(os.path.join(odd, b"sparse"), os.path.join(odd, b"hard link"))
    os.symlink(b"../one.txt", os.path.join(odd, b"link"))
    os.symlink(b"nowhere\n", os.path.join(odd, b"dangling"))
    os.setxattr(os.path.join(odd, b"-rf"), b"user.note", b"\x00\x01 kept")
    os.mkdir(os.path.join(odd, b"empty"))
    open(os.path.join(odd, b"nothing"), "wb").close()
    os.mkfifo(os.path.join(odd, b"pipe"))
    os.chmod(os.path.join(odd, b"*"), 0o4751)
    os.chown(os.path.join(odd, b"*"), 12345, 54321)
    os.utime(os.path.join(odd, b"nothing"), ns=(1, 1_000_000_001))
    os.utime(os.path.join(odd, b"link"), ns=(1, 2_000_000_002), follow_symlinks=False)


def digest():
    said = {}
    inodes = {}
    for folder, folders, files in sorted(os.walk(ROOT)):
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            at = os.lstat(path)
            facts = [at.st_mode, at.st_uid, at.st_gid, at.st_nlink]
            if not stat.S_ISDIR(at.st_mode):
                facts += [at.st_size, at.st_mtime_ns, inodes.setdefault(at.st_ino, len(inodes))]
            if stat.S_ISLNK(at.st_mode):
                facts.append(os.readlink(path).hex())
            elif stat.S_ISREG(at.st_mode):
                with open(path, "rb") as file:
                    facts.append(hashlib.sha256(file.read()).hexdigest())
                facts += [[key, os.getxattr(path, key).hex()] for key in sorted(os.listxattr(path))]
                facts.append(["sparse", at.st_blocks * 512 < at.st_size // 2])
            said[path.hex()] = facts
    print(json.dumps(said))


def many():
    for folder in range(int(os.environ["FOLDERS"])):
        at = os.path.join(ROOT, b"many", b"%d" % folder)
        os.makedirs(at)
        for name in range(1000):
            with open(os.path.join(at, b"%d" % name), "wb") as file:
                file.write(b"%d/%d " % (folder, name) * (name % 40 + 1))
    with open(os.path.join(ROOT, b"huge"), "wb") as file:
        for gibibyte in range(5):
            file.seek(gibibyte * 1024**3)
            file.write(os.urandom(1024 * 1024))
        file.seek(5 * 1024**3 - 1)
        file.write(b"!")


def total():
    # Five GiB of nothing take their time to hash: what is written of them is told by SEEK_DATA.
    hash = hashlib.sha256()
    for folder, folders, files in os.walk(ROOT):
        folders.sort()
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            at = os.lstat(path)
            hash.update(path + repr((at.st_mode, at.st_uid, at.st_gid, at.st_size, stat.S_ISDIR(at.st_mode) or at.st_mtime_ns)).encode())
            if stat.S_ISREG(at.st_mode):
                with open(path, "rb") as file:
                    for piece in pieces(file, at.st_size):
                        hash.update(piece)
    print(hash.hexdigest())


def pieces(file, size):
    """Of a file what is not zero, and where that is."""
    at = 0
    while at < size:
        try:
            at = os.lseek(file.fileno(), at, os.SEEK_DATA)
        except OSError:
            return
        file.seek(at)
        piece = file.read(4096 - at % 4096)
        if piece.strip(b"\0"):
            yield b"%d " % at + piece
        at += len(piece)


def content(number):
    body = b"%d " % number * 2000
    return hashlib.sha256(body).hexdigest().encode() + b" " + body


def writer():
    folder = os.path.join(ROOT, b"busy")
    os.mkdir(folder)
    for number in range(10**9):
        # As the portal does it: a name of its own, and the final one only when all of it is there.
        for name in (b"new-%d" % number, b"replaced-%d" % (number % 20)):
            with open(os.path.join(folder, b".partial"), "wb") as file:
                file.write(content(number))
            os.rename(os.path.join(folder, b".partial"), os.path.join(folder, name))
        with open(os.path.join(folder, b"in-place"), "r+b" if number else "wb") as file:
            file.write(content(number))
        if number >= 50:
            os.unlink(os.path.join(folder, b"new-%d" % (number - 50)))


def check():
    folder = os.path.join(ROOT, b"busy")
    names = sorted(os.listdir(folder))
    broken = []
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            said, _, body = file.read().partition(b" ")
        if hashlib.sha256(body).hexdigest().encode() != said:
            broken.append(name.decode())
    print(json.dumps({"files": len(names), "broken": broken}))


{"make": make, "many": many, "digest": digest, "sum": total, "writer": writer, "check": check}[sys.argv[1]]()
