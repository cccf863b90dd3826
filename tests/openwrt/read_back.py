"""Reads an .ipk and an .apk back and prints what is in them; fails where a checksum is wrong."""
import gzip
import hashlib
import io
import sys
import tarfile
import zlib


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for info in tar:
            body = tar.extractfile(info).read() if info.isfile() else b""
            yield info, body


def show(title, data, is_checked=False):
    print(f"{title}:")
    for info, body in members(data):
        assert (info.uid, info.gid, info.uname, info.gname, info.mtime) == (0, 0, "root", "root", 0), info
        if is_checked and not info.isdir():
            wanted = hashlib.sha1(info.linkname.encode() if info.issym() else body).hexdigest()
            assert info.pax_headers["APK-TOOLS.checksum.SHA1"] == wanted, info.name
        target = f" -> {info.linkname}" if info.issym() else ""
        print(f"  {info.mode:o} {info.name}{target}")


def sized(text, word, data):
    """The text without the sum of the files, which must be right: it changes with each of them."""
    total = sum(len(body) for _, body in members(data))
    assert f"{word}{total}\n" in text, f"{total} bytes of files, but: {text}"
    return text.replace(f"{word}{total}\n", f"{word}SUM\n")


def streams(data):
    while data:
        reader = zlib.decompressobj(31)
        yield reader.decompress(data), data[: len(data) - len(reader.unused_data)]
        data = reader.unused_data


ipk, apk = sys.argv[1:]
parts = {info.name: body for info, body in members(gzip.decompress(open(ipk, "rb").read()))}
assert parts["./debian-binary"] == b"2.0\n"
control = gzip.decompress(parts["./control.tar.gz"])
show("ipk control", control)
data = gzip.decompress(parts["./data.tar.gz"])
print(sized(dict((i.name, b) for i, b in members(control))["./control"].decode(), "Installed-Size: ", data), end="")
show("ipk data", data)
(about, _), (data, packed) = streams(open(apk, "rb").read())
# The first part has no end of its own, so that both are one archive.
assert about[-512:] != bytes(512)
show("apk control", about + bytes(1024))
info = dict((i.name, b) for i, b in members(about + bytes(1024)))[".PKGINFO"].decode()
assert f"datahash = {hashlib.sha256(packed).hexdigest()}\n" in info
info = sized(info, "size = ", data)
print("".join(line + "\n" for line in info.splitlines() if not line.startswith("datahash")), end="")
show("apk data", data, is_checked=True)
