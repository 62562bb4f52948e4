from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
SENTENCE_SOURCE_CONCLUSION: SentenceSource
SENTENCE_SOURCE_GATE: SentenceSource
SENTENCE_SOURCE_QUEUE: SentenceSource
SENTENCE_SOURCE_TABLES: SentenceSource
SENTENCE_SOURCE_TRAIL: SentenceSource
SENTENCE_SOURCE_UNSPECIFIED: SentenceSource

class AdminAction(_message.Message):
    __slots__ = ["address", "after", "at", "before", "count", "coupon_id", "id", "method", "outcome", "principal", "request"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    address: str
    after: str
    at: int
    before: str
    count: int
    coupon_id: int
    id: int
    method: str
    outcome: str
    principal: str
    request: int
    def __init__(self, id: _Optional[int] = ..., at: _Optional[int] = ..., principal: _Optional[str] = ..., address: _Optional[str] = ..., method: _Optional[str] = ..., coupon_id: _Optional[int] = ..., request: _Optional[int] = ..., before: _Optional[str] = ..., after: _Optional[str] = ..., outcome: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ["coupon_id", "user_id"]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    coupon_id: int
    user_id: int
    def __init__(self, coupon_id: _Optional[int] = ..., user_id: _Optional[int] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ["sentences"]
    SENTENCES_FIELD_NUMBER: _ClassVar[int]
    sentences: _containers.RepeatedCompositeFieldContainer[Sentence]
    def __init__(self, sentences: _Optional[_Iterable[_Union[Sentence, _Mapping[str, object]]]] = ...) -> None: ...

class ListAdminActionsRequest(_message.Message):
    __slots__ = ["before_id", "coupon_id", "limit", "principal"]
    BEFORE_ID_FIELD_NUMBER: _ClassVar[int]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    before_id: int
    coupon_id: int
    limit: int
    principal: str
    def __init__(self, coupon_id: _Optional[int] = ..., principal: _Optional[str] = ..., before_id: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListAdminActionsResponse(_message.Message):
    __slots__ = ["actions"]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    actions: _containers.RepeatedCompositeFieldContainer[AdminAction]
    def __init__(self, actions: _Optional[_Iterable[_Union[AdminAction, _Mapping[str, object]]]] = ...) -> None: ...

class Sentence(_message.Message):
    __slots__ = ["at", "request_id", "sequence", "source", "text"]
    AT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    at: int
    request_id: bytes
    sequence: int
    source: SentenceSource
    text: str
    def __init__(self, source: _Optional[_Union[SentenceSource, str]] = ..., text: _Optional[str] = ..., sequence: _Optional[int] = ..., request_id: _Optional[bytes] = ..., at: _Optional[int] = ...) -> None: ...

class SentenceSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__: list[str] = []
