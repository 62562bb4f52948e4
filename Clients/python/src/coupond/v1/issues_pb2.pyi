from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DEAD_LETTER_STATE_DISCARDED: DeadLetterState
DEAD_LETTER_STATE_HELD: DeadLetterState
DEAD_LETTER_STATE_REDRIVEN: DeadLetterState
DEAD_LETTER_STATE_UNSPECIFIED: DeadLetterState
DESCRIPTOR: _descriptor.FileDescriptor
REJECTION_REASON_ALREADY_ISSUED: RejectionReason
REJECTION_REASON_DEAD_LETTER: RejectionReason
REJECTION_REASON_DISCARDED: RejectionReason
REJECTION_REASON_NOT_FOUND: RejectionReason
REJECTION_REASON_SOLD_OUT: RejectionReason
REJECTION_REASON_UNSPECIFIED: RejectionReason

class DeadLetter(_message.Message):
    __slots__ = ["coupon_id", "created_at", "epoch", "error", "id", "n", "request_id", "sequence", "state", "user_id"]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    coupon_id: int
    created_at: int
    epoch: int
    error: str
    id: int
    n: int
    request_id: bytes
    sequence: int
    state: DeadLetterState
    user_id: int
    def __init__(self, id: _Optional[int] = ..., coupon_id: _Optional[int] = ..., user_id: _Optional[int] = ..., sequence: _Optional[int] = ..., request_id: _Optional[bytes] = ..., epoch: _Optional[int] = ..., n: _Optional[int] = ..., error: _Optional[str] = ..., state: _Optional[_Union[DeadLetterState, str]] = ..., created_at: _Optional[int] = ...) -> None: ...

class DiscardDeadLetterRequest(_message.Message):
    __slots__ = ["id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class Issue(_message.Message):
    __slots__ = ["accepted_at", "issued_at", "request_id", "sequence", "user_id"]
    ACCEPTED_AT_FIELD_NUMBER: _ClassVar[int]
    ISSUED_AT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    accepted_at: int
    issued_at: int
    request_id: bytes
    sequence: int
    user_id: int
    def __init__(self, user_id: _Optional[int] = ..., sequence: _Optional[int] = ..., request_id: _Optional[bytes] = ..., accepted_at: _Optional[int] = ..., issued_at: _Optional[int] = ...) -> None: ...

class ListDeadLettersRequest(_message.Message):
    __slots__ = ["after_id", "coupon_id"]
    AFTER_ID_FIELD_NUMBER: _ClassVar[int]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    after_id: int
    coupon_id: int
    def __init__(self, after_id: _Optional[int] = ..., coupon_id: _Optional[int] = ...) -> None: ...

class ListDeadLettersResponse(_message.Message):
    __slots__ = ["letters"]
    LETTERS_FIELD_NUMBER: _ClassVar[int]
    letters: _containers.RepeatedCompositeFieldContainer[DeadLetter]
    def __init__(self, letters: _Optional[_Iterable[_Union[DeadLetter, _Mapping[str, object]]]] = ...) -> None: ...

class ListIssuesRequest(_message.Message):
    __slots__ = ["after_user_id", "coupon_id", "limit"]
    AFTER_USER_ID_FIELD_NUMBER: _ClassVar[int]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    after_user_id: int
    coupon_id: int
    limit: int
    def __init__(self, coupon_id: _Optional[int] = ..., after_user_id: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListIssuesResponse(_message.Message):
    __slots__ = ["issues"]
    ISSUES_FIELD_NUMBER: _ClassVar[int]
    issues: _containers.RepeatedCompositeFieldContainer[Issue]
    def __init__(self, issues: _Optional[_Iterable[_Union[Issue, _Mapping[str, object]]]] = ...) -> None: ...

class RedriveDeadLetterRequest(_message.Message):
    __slots__ = ["id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class RejectionReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__: list[str] = []

class DeadLetterState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__: list[str] = []
