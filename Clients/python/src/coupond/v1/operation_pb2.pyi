from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CallerConnection(_message.Message):
    __slots__ = ["address", "age_ms", "held_bytes", "id", "in_flight", "principal"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    AGE_MS_FIELD_NUMBER: _ClassVar[int]
    HELD_BYTES_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    address: str
    age_ms: int
    held_bytes: int
    id: int
    in_flight: int
    principal: str
    def __init__(self, id: _Optional[int] = ..., principal: _Optional[str] = ..., address: _Optional[str] = ..., age_ms: _Optional[int] = ..., in_flight: _Optional[int] = ..., held_bytes: _Optional[int] = ...) -> None: ...

class EndConnectionsRequest(_message.Message):
    __slots__ = ["address", "id", "principal"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    address: str
    id: int
    principal: str
    def __init__(self, id: _Optional[int] = ..., principal: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class EndConnectionsResponse(_message.Message):
    __slots__ = ["count"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    count: int
    def __init__(self, count: _Optional[int] = ...) -> None: ...

class ListConnectionsRequest(_message.Message):
    __slots__ = ["address", "after_id", "limit", "principal"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    AFTER_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    address: str
    after_id: int
    limit: int
    principal: str
    def __init__(self, principal: _Optional[str] = ..., address: _Optional[str] = ..., after_id: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListConnectionsResponse(_message.Message):
    __slots__ = ["connections"]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    connections: _containers.RepeatedCompositeFieldContainer[CallerConnection]
    def __init__(self, connections: _Optional[_Iterable[_Union[CallerConnection, _Mapping[str, object]]]] = ...) -> None: ...

class ReloadRequest(_message.Message):
    __slots__: list[str] = []
    def __init__(self) -> None: ...

class ReloadResponse(_message.Message):
    __slots__ = ["changed", "needs_restart"]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    NEEDS_RESTART_FIELD_NUMBER: _ClassVar[int]
    changed: _containers.RepeatedScalarFieldContainer[str]
    needs_restart: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, changed: _Optional[_Iterable[str]] = ..., needs_restart: _Optional[_Iterable[str]] = ...) -> None: ...
