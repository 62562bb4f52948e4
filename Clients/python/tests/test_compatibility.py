"""Clients that were made from the first schema understand this one, and are understood."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor

from coupond.v1 import coupond_pb2 as pb
from conftest import ROOT


def message_class(descriptor: Any) -> Any:
    # Debian's protobuf has the older name only.
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return getattr(message_factory.MessageFactory(), "GetPrototype")(descriptor)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The first schema's file, with its messages."""
    target: Path = tmp_path_factory.mktemp("first") / "set"
    subprocess.run(
        ["protoc", f"--proto_path={ROOT}/Tests/Vectors/first", f"--descriptor_set_out={target}",
         "coupond/v1/coupond.proto"],
        check=True,
    )  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes()).file:
        pool.Add(file)
    return pool.FindFileByName("coupond/v1/coupond.proto")


NUMBERS = {FieldDescriptor.TYPE_UINT32: 2**32 - 1, FieldDescriptor.TYPE_UINT64: 2**64 - 1}


def fill(message: Any, chosen: str | None) -> None:
    """Sets every field to a value that is not its default; of a oneof only the chosen field."""
    for field in message.DESCRIPTOR.fields:
        one_of = field.containing_oneof
        is_choice = one_of is not None and len(one_of.fields) > 1
        if is_choice and field.name != chosen:
            continue
        value = getattr(message, field.name)
        if field.message_type is not None:
            inner = value.add() if hasattr(value, "add") else value
            inner.SetInParent()
            fill(inner, None)
        elif hasattr(value, "append"):
            # The one repeated field of these messages is a text.
            value.append(f"봄 {field.number}")
        elif field.type == FieldDescriptor.TYPE_ENUM:
            setattr(message, field.name, field.enum_type.values[-1].number)
        elif field.type == FieldDescriptor.TYPE_BYTES:
            setattr(message, field.name, bytes(range(field.number, field.number + 9)))
        elif field.type == FieldDescriptor.TYPE_STRING:
            setattr(message, field.name, f"봄 {field.number}")
        elif field.type == FieldDescriptor.TYPE_BOOL:
            setattr(message, field.name, True)
        else:
            setattr(message, field.name, NUMBERS.get(field.type, -field.number))


def by_number(message: Any) -> dict[int, Any]:
    """What a message means, without the names of its fields."""
    return {
        field.number: (
            [by_number(one) for one in value]
            if field.message_type is not None and hasattr(value, "append")
            else by_number(value) if field.message_type is not None
            else value
        )
        for field, value in message.ListFields()
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["Request", "Response"])
def test_messages_of_the_first_schema_are_read(first: Any, kind: str) -> None:
    descriptor = first.message_types_by_name[kind]
    choices = [field.name for field in descriptor.oneofs[0].fields]
    assert len(choices) >= 12
    for chosen in choices:
        old = message_class(descriptor)()
        fill(old, chosen)
        new = getattr(pb, kind).FromString(old.SerializeToString())
        assert by_number(new) == by_number(old), chosen
        assert new.SerializeToString(deterministic=True) == old.SerializeToString(deterministic=True)
        new.DiscardUnknownFields()
        assert by_number(new) == by_number(old), chosen


@pytest.mark.parametrize("kind", ["Request", "Response"])
def test_the_first_schema_reads_messages_of_this_one(first: Any, kind: str) -> None:
    descriptor = first.message_types_by_name[kind]
    for field in descriptor.oneofs[0].fields:
        new = getattr(pb, kind)()
        number = {one.number: one.name for one in new.DESCRIPTOR.oneofs[0].fields}[field.number]
        fill(new, number)
        old = message_class(descriptor).FromString(new.SerializeToString())
        assert old.WhichOneof(descriptor.oneofs[0].name) == field.name
        assert old.id == new.id
