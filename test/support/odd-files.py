"""Files that a backup could get wrong: `make` puts them into /uploads, `digest` prints what they are, in one hash for each."""

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


{"make": make, "digest": digest}[sys.argv[1]]()
