"""For Scripts/generate-vectors: the schema's messages, parts of the wire format, and lists of vectors."""
import importlib
import json
import pathlib
import subprocess
import sys
import tempfile

from google.protobuf import json_format

ROOT = pathlib.Path(__file__).resolve().parent.parent


def messages():
    with tempfile.TemporaryDirectory() as folder:
        proto = ROOT / "Proto"
        schemas = proto.glob("coupond/v1/*.proto")
        subprocess.run(
            ["protoc", f"--proto_path={proto}", f"--python_out={folder}", *schemas], check=True
        )
        sys.path.insert(0, folder)
        return importlib.import_module("coupond.v1.coupond_pb2")


pb = messages()


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


class Vectors:
    """The vectors of one kind of message: Request or Response."""

    def __init__(self, kind):
        self.kind = kind
        self.all = []

    def good(self, name, message, raw=None, means=None):
        """A vector that means `means` or, by default, `message`. Its bytes are `raw` or the library's."""
        official = message.SerializeToString(deterministic=True)
        if raw is not None:
            assert self.kind.FromString(raw) == message, name
        self.add(name, official if raw is None else raw, **self.meaning(means or message))

    @staticmethod
    def meaning(message):
        return {
            "meaning": message.SerializeToString(deterministic=True).hex(),
            "fields": json_format.MessageToDict(message, preserving_proto_field_name=True),
        }

    def bad(self, name, raw, code, text, id=0):
        """Bytes, or a message, that must be refused."""
        bytes_ = raw if isinstance(raw, bytes) else raw.SerializeToString(deterministic=True)
        self.add(name, bytes_, error={"id": id, "code": code, "text": text})

    def add(self, name, raw, **rest):
        assert all(name != other["name"] for other in self.all), name
        self.all.append({"name": name, "bytes": raw.hex(), **rest})

    def file(self):
        lines = ",\n".join("  " + json.dumps(vector, ensure_ascii=False) for vector in self.all)
        return f"[\n{lines}\n]\n"
