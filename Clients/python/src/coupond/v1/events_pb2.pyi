from coupond.v1 import issues_pb2 as _issues_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
EVENT_KIND_CHANGED: EventKind
EVENT_KIND_ISSUED: EventKind
EVENT_KIND_REJECTED: EventKind
EVENT_KIND_SOLD_OUT: EventKind
EVENT_KIND_UNSPECIFIED: EventKind
WATCH_RESET_REASON_EXPIRED: WatchResetReason
WATCH_RESET_REASON_INCOMPLETE: WatchResetReason
WATCH_RESET_REASON_UNSPECIFIED: WatchResetReason
WATCH_RESET_REASON_WENT_BACK: WatchResetReason

class Event(_message.Message):
    __slots__ = ["accepted_at", "commit", "committed_at", "coupon_id", "index", "kind", "partition", "reason", "request_id", "sequence", "user_id", "version"]
    ACCEPTED_AT_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    accepted_at: int
    commit: int
    committed_at: int
    coupon_id: int
    index: int
    kind: EventKind
    partition: int
    reason: _issues_pb2.RejectionReason
    request_id: bytes
    sequence: int
    user_id: int
    version: int
    def __init__(self, kind: _Optional[_Union[EventKind, str]] = ..., coupon_id: _Optional[int] = ..., user_id: _Optional[int] = ..., sequence: _Optional[int] = ..., request_id: _Optional[bytes] = ..., accepted_at: _Optional[int] = ..., committed_at: _Optional[int] = ..., reason: _Optional[_Union[_issues_pb2.RejectionReason, str]] = ..., version: _Optional[int] = ..., partition: _Optional[int] = ..., commit: _Optional[int] = ..., index: _Optional[int] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ["after", "coupon_id", "from_oldest", "limit", "wait_ms"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_OLDEST_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    after: bytes
    coupon_id: int
    from_oldest: bool
    limit: int
    wait_ms: int
    def __init__(self, after: _Optional[bytes] = ..., from_oldest: bool = ..., coupon_id: _Optional[int] = ..., limit: _Optional[int] = ..., wait_ms: _Optional[int] = ...) -> None: ...

class WatchReset(_message.Message):
    __slots__ = ["partition", "reason"]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    partition: int
    reason: WatchResetReason
    def __init__(self, partition: _Optional[int] = ..., reason: _Optional[_Union[WatchResetReason, str]] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ["behind", "bookmark", "events", "resets"]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    BOOKMARK_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    RESETS_FIELD_NUMBER: _ClassVar[int]
    behind: int
    bookmark: bytes
    events: _containers.RepeatedCompositeFieldContainer[Event]
    resets: _containers.RepeatedCompositeFieldContainer[WatchReset]
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping[str, object]]]] = ..., bookmark: _Optional[bytes] = ..., resets: _Optional[_Iterable[_Union[WatchReset, _Mapping[str, object]]]] = ..., behind: _Optional[int] = ...) -> None: ...

class WatchResetReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__: list[str] = []

class EventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__: list[str] = []
