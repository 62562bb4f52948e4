from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
REDIS_KIND_CLUSTER: RedisKind
REDIS_KIND_SENTINEL: RedisKind
REDIS_KIND_SINGLE: RedisKind
REDIS_KIND_UNSPECIFIED: RedisKind

class AdoptRedisRequest(_message.Message):
    __slots__: list[str] = []
    def __init__(self) -> None: ...

class AdoptRedisResponse(_message.Message):
    __slots__ = ["partitions"]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    partitions: int
    def __init__(self, partitions: _Optional[int] = ...) -> None: ...

class RebuildGateRequest(_message.Message):
    __slots__ = ["partition"]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    partition: int
    def __init__(self, partition: _Optional[int] = ...) -> None: ...

class RebuildGateResponse(_message.Message):
    __slots__ = ["epoch", "partition"]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    partition: int
    def __init__(self, partition: _Optional[int] = ..., epoch: _Optional[int] = ...) -> None: ...

class RedisNode(_message.Message):
    __slots__ = ["address", "id", "partitions", "term"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    address: str
    id: str
    partitions: _containers.RepeatedScalarFieldContainer[int]
    term: int
    def __init__(self, id: _Optional[str] = ..., address: _Optional[str] = ..., term: _Optional[int] = ..., partitions: _Optional[_Iterable[int]] = ...) -> None: ...

class TopologyRequest(_message.Message):
    __slots__: list[str] = []
    def __init__(self) -> None: ...

class TopologyResponse(_message.Message):
    __slots__ = ["epoch", "kind", "more_nodes", "nodes", "trouble"]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MORE_NODES_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    kind: RedisKind
    more_nodes: int
    nodes: _containers.RepeatedCompositeFieldContainer[RedisNode]
    trouble: str
    def __init__(self, kind: _Optional[_Union[RedisKind, str]] = ..., epoch: _Optional[int] = ..., nodes: _Optional[_Iterable[_Union[RedisNode, _Mapping[str, object]]]] = ..., more_nodes: _Optional[int] = ..., trouble: _Optional[str] = ...) -> None: ...

class RedisKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__: list[str] = []
