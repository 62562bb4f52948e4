from coupond.v1 import events_pb2 as _events_pb2
from coupond.v1 import gates_pb2 as _gates_pb2
from coupond.v1 import issues_pb2 as _issues_pb2
from coupond.v1 import operation_pb2 as _operation_pb2
from coupond.v1 import trail_pb2 as _trail_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

from coupond.v1.events_pb2 import WatchRequest as WatchRequest
from coupond.v1.events_pb2 import WatchResponse as WatchResponse
from coupond.v1.events_pb2 import WatchReset as WatchReset
from coupond.v1.events_pb2 import Event as Event
from coupond.v1.events_pb2 import WatchResetReason as WatchResetReason
from coupond.v1.events_pb2 import EventKind as EventKind
from coupond.v1.gates_pb2 import RebuildGateRequest as RebuildGateRequest
from coupond.v1.gates_pb2 import RebuildGateResponse as RebuildGateResponse
from coupond.v1.gates_pb2 import AdoptRedisRequest as AdoptRedisRequest
from coupond.v1.gates_pb2 import AdoptRedisResponse as AdoptRedisResponse
from coupond.v1.gates_pb2 import TopologyRequest as TopologyRequest
from coupond.v1.gates_pb2 import TopologyResponse as TopologyResponse
from coupond.v1.gates_pb2 import RedisNode as RedisNode
from coupond.v1.gates_pb2 import RedisKind as RedisKind
from coupond.v1.issues_pb2 import Issue as Issue
from coupond.v1.issues_pb2 import ListIssuesRequest as ListIssuesRequest
from coupond.v1.issues_pb2 import ListIssuesResponse as ListIssuesResponse
from coupond.v1.issues_pb2 import DeadLetter as DeadLetter
from coupond.v1.issues_pb2 import ListDeadLettersRequest as ListDeadLettersRequest
from coupond.v1.issues_pb2 import ListDeadLettersResponse as ListDeadLettersResponse
from coupond.v1.issues_pb2 import RedriveDeadLetterRequest as RedriveDeadLetterRequest
from coupond.v1.issues_pb2 import DiscardDeadLetterRequest as DiscardDeadLetterRequest
from coupond.v1.issues_pb2 import RejectionReason as RejectionReason
from coupond.v1.issues_pb2 import DeadLetterState as DeadLetterState
from coupond.v1.operation_pb2 import ReloadRequest as ReloadRequest
from coupond.v1.operation_pb2 import ReloadResponse as ReloadResponse
from coupond.v1.operation_pb2 import CallerConnection as CallerConnection
from coupond.v1.operation_pb2 import ListConnectionsRequest as ListConnectionsRequest
from coupond.v1.operation_pb2 import ListConnectionsResponse as ListConnectionsResponse
from coupond.v1.operation_pb2 import EndConnectionsRequest as EndConnectionsRequest
from coupond.v1.operation_pb2 import EndConnectionsResponse as EndConnectionsResponse
from coupond.v1.trail_pb2 import AdminAction as AdminAction
from coupond.v1.trail_pb2 import ListAdminActionsRequest as ListAdminActionsRequest
from coupond.v1.trail_pb2 import ListAdminActionsResponse as ListAdminActionsResponse
from coupond.v1.trail_pb2 import ExplainRequest as ExplainRequest
from coupond.v1.trail_pb2 import Sentence as Sentence
from coupond.v1.trail_pb2 import ExplainResponse as ExplainResponse
from coupond.v1.trail_pb2 import SentenceSource as SentenceSource
ACCEPTANCE_ACCEPTED: Acceptance
ACCEPTANCE_NOT_ACCEPTED: Acceptance
ACCEPTANCE_UNKNOWN: Acceptance
COUPON_STATE_ACTIVE: CouponState
COUPON_STATE_CLOSED: CouponState
COUPON_STATE_PAUSED: CouponState
COUPON_STATE_UNSPECIFIED: CouponState
DEAD_LETTER_STATE_DISCARDED: _issues_pb2.DeadLetterState
DEAD_LETTER_STATE_HELD: _issues_pb2.DeadLetterState
DEAD_LETTER_STATE_REDRIVEN: _issues_pb2.DeadLetterState
DEAD_LETTER_STATE_UNSPECIFIED: _issues_pb2.DeadLetterState
DESCRIPTOR: _descriptor.FileDescriptor
EVENT_KIND_CHANGED: _events_pb2.EventKind
EVENT_KIND_ISSUED: _events_pb2.EventKind
EVENT_KIND_REJECTED: _events_pb2.EventKind
EVENT_KIND_SOLD_OUT: _events_pb2.EventKind
EVENT_KIND_UNSPECIFIED: _events_pb2.EventKind
OUTCOME_ACCEPTED: Outcome
OUTCOME_CLOSED: Outcome
OUTCOME_DUPLICATE: Outcome
OUTCOME_ENDED: Outcome
OUTCOME_ISSUED: Outcome
OUTCOME_NOT_FOUND: Outcome
OUTCOME_NOT_OPEN: Outcome
OUTCOME_PAUSED: Outcome
OUTCOME_REJECTED: Outcome
OUTCOME_SOLD_OUT: Outcome
OUTCOME_UNSPECIFIED: Outcome
REDIS_KIND_CLUSTER: _gates_pb2.RedisKind
REDIS_KIND_SENTINEL: _gates_pb2.RedisKind
REDIS_KIND_SINGLE: _gates_pb2.RedisKind
REDIS_KIND_UNSPECIFIED: _gates_pb2.RedisKind
REJECTION_REASON_ALREADY_ISSUED: _issues_pb2.RejectionReason
REJECTION_REASON_DEAD_LETTER: _issues_pb2.RejectionReason
REJECTION_REASON_DISCARDED: _issues_pb2.RejectionReason
REJECTION_REASON_NOT_FOUND: _issues_pb2.RejectionReason
REJECTION_REASON_SOLD_OUT: _issues_pb2.RejectionReason
REJECTION_REASON_UNSPECIFIED: _issues_pb2.RejectionReason
SENTENCE_SOURCE_CONCLUSION: _trail_pb2.SentenceSource
SENTENCE_SOURCE_GATE: _trail_pb2.SentenceSource
SENTENCE_SOURCE_QUEUE: _trail_pb2.SentenceSource
SENTENCE_SOURCE_TABLES: _trail_pb2.SentenceSource
SENTENCE_SOURCE_TRAIL: _trail_pb2.SentenceSource
SENTENCE_SOURCE_UNSPECIFIED: _trail_pb2.SentenceSource
USER_STATE_ISSUED: UserState
USER_STATE_NONE: UserState
USER_STATE_QUEUED: UserState
USER_STATE_REJECTED: UserState
WAIT_FOR_ACCEPTED: WaitFor
WAIT_FOR_ISSUED: WaitFor
WATCH_RESET_REASON_EXPIRED: _events_pb2.WatchResetReason
WATCH_RESET_REASON_INCOMPLETE: _events_pb2.WatchResetReason
WATCH_RESET_REASON_UNSPECIFIED: _events_pb2.WatchResetReason
WATCH_RESET_REASON_WENT_BACK: _events_pb2.WatchResetReason

class ArchiveCouponRequest(_message.Message):
    __slots__ = ["id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class AuditCouponRequest(_message.Message):
    __slots__ = ["coupon_id"]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    coupon_id: int
    def __init__(self, coupon_id: _Optional[int] = ...) -> None: ...

class AuditCouponResponse(_message.Message):
    __slots__ = ["coupon", "cursor_epoch", "cursor_n", "dead_lettered", "discarded", "epoch", "gate_cap", "gate_closes_at", "gate_epoch", "gate_next_sequence", "gate_open", "gate_opens_at", "gate_queued", "gate_rev", "gate_says_sold_out", "gate_settled_epoch", "gate_settled_n", "gate_sold_out", "gate_state", "gate_tail", "gate_total", "gate_used", "gate_version", "highest_sequence", "incomplete", "last_sequence", "loaded", "lowest_sequence", "queue_requests", "rejected", "repeated_sequences", "rows", "unreadable", "unsynced", "workers", "workers_closed"]
    COUPON_FIELD_NUMBER: _ClassVar[int]
    CURSOR_EPOCH_FIELD_NUMBER: _ClassVar[int]
    CURSOR_N_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTERED_FIELD_NUMBER: _ClassVar[int]
    DISCARDED_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    GATE_CAP_FIELD_NUMBER: _ClassVar[int]
    GATE_CLOSES_AT_FIELD_NUMBER: _ClassVar[int]
    GATE_EPOCH_FIELD_NUMBER: _ClassVar[int]
    GATE_NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    GATE_OPENS_AT_FIELD_NUMBER: _ClassVar[int]
    GATE_OPEN_FIELD_NUMBER: _ClassVar[int]
    GATE_QUEUED_FIELD_NUMBER: _ClassVar[int]
    GATE_REV_FIELD_NUMBER: _ClassVar[int]
    GATE_SAYS_SOLD_OUT_FIELD_NUMBER: _ClassVar[int]
    GATE_SETTLED_EPOCH_FIELD_NUMBER: _ClassVar[int]
    GATE_SETTLED_N_FIELD_NUMBER: _ClassVar[int]
    GATE_SOLD_OUT_FIELD_NUMBER: _ClassVar[int]
    GATE_STATE_FIELD_NUMBER: _ClassVar[int]
    GATE_TAIL_FIELD_NUMBER: _ClassVar[int]
    GATE_TOTAL_FIELD_NUMBER: _ClassVar[int]
    GATE_USED_FIELD_NUMBER: _ClassVar[int]
    GATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    INCOMPLETE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LOADED_FIELD_NUMBER: _ClassVar[int]
    LOWEST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    REPEATED_SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    UNREADABLE_FIELD_NUMBER: _ClassVar[int]
    UNSYNCED_FIELD_NUMBER: _ClassVar[int]
    WORKERS_CLOSED_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    coupon: Coupon
    cursor_epoch: int
    cursor_n: int
    dead_lettered: int
    discarded: int
    epoch: int
    gate_cap: int
    gate_closes_at: int
    gate_epoch: int
    gate_next_sequence: int
    gate_open: bool
    gate_opens_at: int
    gate_queued: int
    gate_rev: int
    gate_says_sold_out: bool
    gate_settled_epoch: int
    gate_settled_n: int
    gate_sold_out: bool
    gate_state: CouponState
    gate_tail: int
    gate_total: int
    gate_used: int
    gate_version: int
    highest_sequence: int
    incomplete: bool
    last_sequence: int
    loaded: bool
    lowest_sequence: int
    queue_requests: int
    rejected: int
    repeated_sequences: int
    rows: int
    unreadable: int
    unsynced: int
    workers: int
    workers_closed: int
    def __init__(self, coupon: _Optional[_Union[Coupon, _Mapping[str, object]]] = ..., loaded: bool = ..., gate_used: _Optional[int] = ..., gate_queued: _Optional[int] = ..., gate_next_sequence: _Optional[int] = ..., gate_version: _Optional[int] = ..., gate_rev: _Optional[int] = ..., gate_cap: _Optional[int] = ..., gate_total: _Optional[int] = ..., gate_opens_at: _Optional[int] = ..., gate_closes_at: _Optional[int] = ..., gate_state: _Optional[_Union[CouponState, str]] = ..., gate_sold_out: bool = ..., gate_open: bool = ..., gate_epoch: _Optional[int] = ..., gate_settled_epoch: _Optional[int] = ..., gate_settled_n: _Optional[int] = ..., gate_tail: _Optional[int] = ..., queue_requests: _Optional[int] = ..., rows: _Optional[int] = ..., lowest_sequence: _Optional[int] = ..., highest_sequence: _Optional[int] = ..., repeated_sequences: _Optional[int] = ..., rejected: _Optional[int] = ..., dead_lettered: _Optional[int] = ..., discarded: _Optional[int] = ..., unreadable: _Optional[int] = ..., unsynced: _Optional[int] = ..., incomplete: bool = ..., last_sequence: _Optional[int] = ..., epoch: _Optional[int] = ..., cursor_epoch: _Optional[int] = ..., cursor_n: _Optional[int] = ..., gate_says_sold_out: bool = ..., workers: _Optional[int] = ..., workers_closed: _Optional[int] = ...) -> None: ...

class AuthenticateRequest(_message.Message):
    __slots__ = ["token"]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: bytes
    def __init__(self, token: _Optional[bytes] = ...) -> None: ...

class AuthenticateResponse(_message.Message):
    __slots__ = ["expires_at", "principal", "roles"]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    expires_at: int
    principal: str
    roles: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, principal: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., expires_at: _Optional[int] = ...) -> None: ...

class CloseCouponRequest(_message.Message):
    __slots__ = ["id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class Coupon(_message.Message):
    __slots__ = ["archived", "closes_at", "id", "issued", "opens_at", "remaining", "state", "title", "total", "version"]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    CLOSES_AT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ISSUED_FIELD_NUMBER: _ClassVar[int]
    OPENS_AT_FIELD_NUMBER: _ClassVar[int]
    REMAINING_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    archived: bool
    closes_at: int
    id: int
    issued: int
    opens_at: int
    remaining: int
    state: CouponState
    title: str
    total: int
    version: int
    def __init__(self, id: _Optional[int] = ..., title: _Optional[str] = ..., total: _Optional[int] = ..., opens_at: _Optional[int] = ..., closes_at: _Optional[int] = ..., state: _Optional[_Union[CouponState, str]] = ..., version: _Optional[int] = ..., issued: _Optional[int] = ..., remaining: _Optional[int] = ..., archived: bool = ...) -> None: ...

class CouponStatusBatchRequest(_message.Message):
    __slots__ = ["coupon_id", "user_ids"]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    coupon_id: int
    user_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, coupon_id: _Optional[int] = ..., user_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class CouponStatusBatchResponse(_message.Message):
    __slots__ = ["accepted", "coupon", "queued", "users"]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    COUPON_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    accepted: int
    coupon: Coupon
    queued: int
    users: _containers.RepeatedCompositeFieldContainer[CouponStatusBatchUser]
    def __init__(self, coupon: _Optional[_Union[Coupon, _Mapping[str, object]]] = ..., accepted: _Optional[int] = ..., queued: _Optional[int] = ..., users: _Optional[_Iterable[_Union[CouponStatusBatchUser, _Mapping[str, object]]]] = ...) -> None: ...

class CouponStatusBatchUser(_message.Message):
    __slots__ = ["issued_at", "reason", "sequence", "state"]
    ISSUED_AT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    issued_at: int
    reason: _issues_pb2.RejectionReason
    sequence: int
    state: UserState
    def __init__(self, state: _Optional[_Union[UserState, str]] = ..., sequence: _Optional[int] = ..., issued_at: _Optional[int] = ..., reason: _Optional[_Union[_issues_pb2.RejectionReason, str]] = ...) -> None: ...

class CouponStatusRequest(_message.Message):
    __slots__ = ["coupon_id", "user_id"]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    coupon_id: int
    user_id: int
    def __init__(self, coupon_id: _Optional[int] = ..., user_id: _Optional[int] = ...) -> None: ...

class CouponStatusResponse(_message.Message):
    __slots__ = ["accepted", "ahead", "coupon", "decided_in_ms", "issued_at", "queued", "reason", "sequence", "user_state"]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    AHEAD_FIELD_NUMBER: _ClassVar[int]
    COUPON_FIELD_NUMBER: _ClassVar[int]
    DECIDED_IN_MS_FIELD_NUMBER: _ClassVar[int]
    ISSUED_AT_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    USER_STATE_FIELD_NUMBER: _ClassVar[int]
    accepted: int
    ahead: int
    coupon: Coupon
    decided_in_ms: int
    issued_at: int
    queued: int
    reason: _issues_pb2.RejectionReason
    sequence: int
    user_state: UserState
    def __init__(self, coupon: _Optional[_Union[Coupon, _Mapping[str, object]]] = ..., accepted: _Optional[int] = ..., queued: _Optional[int] = ..., user_state: _Optional[_Union[UserState, str]] = ..., sequence: _Optional[int] = ..., issued_at: _Optional[int] = ..., reason: _Optional[_Union[_issues_pb2.RejectionReason, str]] = ..., ahead: _Optional[int] = ..., decided_in_ms: _Optional[int] = ...) -> None: ...

class CreateCouponRequest(_message.Message):
    __slots__ = ["closes_at", "id", "opens_at", "title", "total"]
    CLOSES_AT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    OPENS_AT_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    closes_at: int
    id: int
    opens_at: int
    title: str
    total: int
    def __init__(self, id: _Optional[int] = ..., title: _Optional[str] = ..., total: _Optional[int] = ..., opens_at: _Optional[int] = ..., closes_at: _Optional[int] = ...) -> None: ...

class DeleteCouponRequest(_message.Message):
    __slots__ = ["id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ["acceptance", "code", "message", "retry_after_ms", "sequence"]
    ACCEPTANCE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    acceptance: Acceptance
    code: int
    message: str
    retry_after_ms: int
    sequence: int
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., retry_after_ms: _Optional[int] = ..., acceptance: _Optional[_Union[Acceptance, str]] = ..., sequence: _Optional[int] = ...) -> None: ...

class GetCouponRequest(_message.Message):
    __slots__ = ["id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class GoAway(_message.Message):
    __slots__ = ["is_last"]
    IS_LAST_FIELD_NUMBER: _ClassVar[int]
    is_last: bool
    def __init__(self, is_last: bool = ...) -> None: ...

class HealthRequest(_message.Message):
    __slots__: list[str] = []
    def __init__(self) -> None: ...

class HealthResponse(_message.Message):
    __slots__ = ["ready", "reason"]
    READY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ready: bool
    reason: str
    def __init__(self, ready: bool = ..., reason: _Optional[str] = ...) -> None: ...

class IssueBatchRequest(_message.Message):
    __slots__ = ["attempt", "coupon_id", "request_ids", "user_ids", "wait_for"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_IDS_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    WAIT_FOR_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    coupon_id: int
    request_ids: bytes
    user_ids: _containers.RepeatedScalarFieldContainer[int]
    wait_for: WaitFor
    def __init__(self, coupon_id: _Optional[int] = ..., user_ids: _Optional[_Iterable[int]] = ..., request_ids: _Optional[bytes] = ..., wait_for: _Optional[_Union[WaitFor, str]] = ..., attempt: _Optional[int] = ...) -> None: ...

class IssueBatchResponse(_message.Message):
    __slots__ = ["errors", "results"]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    errors: _containers.RepeatedCompositeFieldContainer[Error]
    results: _containers.RepeatedCompositeFieldContainer[IssueBatchResult]
    def __init__(self, results: _Optional[_Iterable[_Union[IssueBatchResult, _Mapping[str, object]]]] = ..., errors: _Optional[_Iterable[_Union[Error, _Mapping[str, object]]]] = ...) -> None: ...

class IssueBatchResult(_message.Message):
    __slots__ = ["acceptance", "error", "issued_at", "opens_at", "outcome", "reason", "sequence", "state"]
    ACCEPTANCE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ISSUED_AT_FIELD_NUMBER: _ClassVar[int]
    OPENS_AT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    acceptance: Acceptance
    error: int
    issued_at: int
    opens_at: int
    outcome: Outcome
    reason: _issues_pb2.RejectionReason
    sequence: int
    state: UserState
    def __init__(self, outcome: _Optional[_Union[Outcome, str]] = ..., sequence: _Optional[int] = ..., issued_at: _Optional[int] = ..., state: _Optional[_Union[UserState, str]] = ..., opens_at: _Optional[int] = ..., reason: _Optional[_Union[_issues_pb2.RejectionReason, str]] = ..., error: _Optional[int] = ..., acceptance: _Optional[_Union[Acceptance, str]] = ...) -> None: ...

class IssueRequest(_message.Message):
    __slots__ = ["attempt", "coupon_id", "request_id", "user_id", "wait_for"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    WAIT_FOR_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    coupon_id: int
    request_id: bytes
    user_id: int
    wait_for: WaitFor
    def __init__(self, coupon_id: _Optional[int] = ..., user_id: _Optional[int] = ..., request_id: _Optional[bytes] = ..., wait_for: _Optional[_Union[WaitFor, str]] = ..., attempt: _Optional[int] = ...) -> None: ...

class IssueResponse(_message.Message):
    __slots__ = ["issued_at", "opens_at", "outcome", "reason", "sequence", "state"]
    ISSUED_AT_FIELD_NUMBER: _ClassVar[int]
    OPENS_AT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    issued_at: int
    opens_at: int
    outcome: Outcome
    reason: _issues_pb2.RejectionReason
    sequence: int
    state: UserState
    def __init__(self, outcome: _Optional[_Union[Outcome, str]] = ..., sequence: _Optional[int] = ..., issued_at: _Optional[int] = ..., state: _Optional[_Union[UserState, str]] = ..., opens_at: _Optional[int] = ..., reason: _Optional[_Union[_issues_pb2.RejectionReason, str]] = ...) -> None: ...

class ListCouponsRequest(_message.Message):
    __slots__ = ["after_id", "archived", "limit"]
    AFTER_ID_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    after_id: int
    archived: bool
    limit: int
    def __init__(self, after_id: _Optional[int] = ..., limit: _Optional[int] = ..., archived: bool = ...) -> None: ...

class ListCouponsResponse(_message.Message):
    __slots__ = ["coupons"]
    COUPONS_FIELD_NUMBER: _ClassVar[int]
    coupons: _containers.RepeatedCompositeFieldContainer[Coupon]
    def __init__(self, coupons: _Optional[_Iterable[_Union[Coupon, _Mapping[str, object]]]] = ...) -> None: ...

class PauseCouponRequest(_message.Message):
    __slots__ = ["id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ["adopt_redis", "archive_coupon", "audit_coupon", "authenticate", "close_coupon", "coupon_status", "coupon_status_batch", "create_coupon", "deadline_ms", "delete_coupon", "discard_dead_letter", "end_connections", "explain", "get_coupon", "health", "id", "issue", "issue_batch", "list_admin_actions", "list_connections", "list_coupons", "list_dead_letters", "list_issues", "pause_coupon", "rebuild_gate", "redrive_dead_letter", "reload", "resume_coupon", "server_info", "token", "topology", "traceparent", "unarchive_coupon", "update_coupon", "watch"]
    ADOPT_REDIS_FIELD_NUMBER: _ClassVar[int]
    ARCHIVE_COUPON_FIELD_NUMBER: _ClassVar[int]
    AUDIT_COUPON_FIELD_NUMBER: _ClassVar[int]
    AUTHENTICATE_FIELD_NUMBER: _ClassVar[int]
    CLOSE_COUPON_FIELD_NUMBER: _ClassVar[int]
    COUPON_STATUS_BATCH_FIELD_NUMBER: _ClassVar[int]
    COUPON_STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATE_COUPON_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    DELETE_COUPON_FIELD_NUMBER: _ClassVar[int]
    DISCARD_DEAD_LETTER_FIELD_NUMBER: _ClassVar[int]
    END_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    GET_COUPON_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ISSUE_BATCH_FIELD_NUMBER: _ClassVar[int]
    ISSUE_FIELD_NUMBER: _ClassVar[int]
    LIST_ADMIN_ACTIONS_FIELD_NUMBER: _ClassVar[int]
    LIST_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    LIST_COUPONS_FIELD_NUMBER: _ClassVar[int]
    LIST_DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    LIST_ISSUES_FIELD_NUMBER: _ClassVar[int]
    PAUSE_COUPON_FIELD_NUMBER: _ClassVar[int]
    REBUILD_GATE_FIELD_NUMBER: _ClassVar[int]
    REDRIVE_DEAD_LETTER_FIELD_NUMBER: _ClassVar[int]
    RELOAD_FIELD_NUMBER: _ClassVar[int]
    RESUME_COUPON_FIELD_NUMBER: _ClassVar[int]
    SERVER_INFO_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOPOLOGY_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    UNARCHIVE_COUPON_FIELD_NUMBER: _ClassVar[int]
    UPDATE_COUPON_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    adopt_redis: _gates_pb2.AdoptRedisRequest
    archive_coupon: ArchiveCouponRequest
    audit_coupon: AuditCouponRequest
    authenticate: AuthenticateRequest
    close_coupon: CloseCouponRequest
    coupon_status: CouponStatusRequest
    coupon_status_batch: CouponStatusBatchRequest
    create_coupon: CreateCouponRequest
    deadline_ms: int
    delete_coupon: DeleteCouponRequest
    discard_dead_letter: _issues_pb2.DiscardDeadLetterRequest
    end_connections: _operation_pb2.EndConnectionsRequest
    explain: _trail_pb2.ExplainRequest
    get_coupon: GetCouponRequest
    health: HealthRequest
    id: int
    issue: IssueRequest
    issue_batch: IssueBatchRequest
    list_admin_actions: _trail_pb2.ListAdminActionsRequest
    list_connections: _operation_pb2.ListConnectionsRequest
    list_coupons: ListCouponsRequest
    list_dead_letters: _issues_pb2.ListDeadLettersRequest
    list_issues: _issues_pb2.ListIssuesRequest
    pause_coupon: PauseCouponRequest
    rebuild_gate: _gates_pb2.RebuildGateRequest
    redrive_dead_letter: _issues_pb2.RedriveDeadLetterRequest
    reload: _operation_pb2.ReloadRequest
    resume_coupon: ResumeCouponRequest
    server_info: ServerInfoRequest
    token: bytes
    topology: _gates_pb2.TopologyRequest
    traceparent: str
    unarchive_coupon: UnarchiveCouponRequest
    update_coupon: UpdateCouponRequest
    watch: _events_pb2.WatchRequest
    def __init__(self, id: _Optional[int] = ..., deadline_ms: _Optional[int] = ..., token: _Optional[bytes] = ..., traceparent: _Optional[str] = ..., issue: _Optional[_Union[IssueRequest, _Mapping[str, object]]] = ..., coupon_status: _Optional[_Union[CouponStatusRequest, _Mapping[str, object]]] = ..., health: _Optional[_Union[HealthRequest, _Mapping[str, object]]] = ..., server_info: _Optional[_Union[ServerInfoRequest, _Mapping[str, object]]] = ..., authenticate: _Optional[_Union[AuthenticateRequest, _Mapping[str, object]]] = ..., issue_batch: _Optional[_Union[IssueBatchRequest, _Mapping[str, object]]] = ..., coupon_status_batch: _Optional[_Union[CouponStatusBatchRequest, _Mapping[str, object]]] = ..., watch: _Optional[_Union[_events_pb2.WatchRequest, _Mapping[str, object]]] = ..., create_coupon: _Optional[_Union[CreateCouponRequest, _Mapping[str, object]]] = ..., get_coupon: _Optional[_Union[GetCouponRequest, _Mapping[str, object]]] = ..., list_coupons: _Optional[_Union[ListCouponsRequest, _Mapping[str, object]]] = ..., update_coupon: _Optional[_Union[UpdateCouponRequest, _Mapping[str, object]]] = ..., pause_coupon: _Optional[_Union[PauseCouponRequest, _Mapping[str, object]]] = ..., resume_coupon: _Optional[_Union[ResumeCouponRequest, _Mapping[str, object]]] = ..., close_coupon: _Optional[_Union[CloseCouponRequest, _Mapping[str, object]]] = ..., audit_coupon: _Optional[_Union[AuditCouponRequest, _Mapping[str, object]]] = ..., list_issues: _Optional[_Union[_issues_pb2.ListIssuesRequest, _Mapping[str, object]]] = ..., list_dead_letters: _Optional[_Union[_issues_pb2.ListDeadLettersRequest, _Mapping[str, object]]] = ..., redrive_dead_letter: _Optional[_Union[_issues_pb2.RedriveDeadLetterRequest, _Mapping[str, object]]] = ..., discard_dead_letter: _Optional[_Union[_issues_pb2.DiscardDeadLetterRequest, _Mapping[str, object]]] = ..., list_admin_actions: _Optional[_Union[_trail_pb2.ListAdminActionsRequest, _Mapping[str, object]]] = ..., explain: _Optional[_Union[_trail_pb2.ExplainRequest, _Mapping[str, object]]] = ..., delete_coupon: _Optional[_Union[DeleteCouponRequest, _Mapping[str, object]]] = ..., archive_coupon: _Optional[_Union[ArchiveCouponRequest, _Mapping[str, object]]] = ..., unarchive_coupon: _Optional[_Union[UnarchiveCouponRequest, _Mapping[str, object]]] = ..., reload: _Optional[_Union[_operation_pb2.ReloadRequest, _Mapping[str, object]]] = ..., rebuild_gate: _Optional[_Union[_gates_pb2.RebuildGateRequest, _Mapping[str, object]]] = ..., adopt_redis: _Optional[_Union[_gates_pb2.AdoptRedisRequest, _Mapping[str, object]]] = ..., topology: _Optional[_Union[_gates_pb2.TopologyRequest, _Mapping[str, object]]] = ..., list_connections: _Optional[_Union[_operation_pb2.ListConnectionsRequest, _Mapping[str, object]]] = ..., end_connections: _Optional[_Union[_operation_pb2.EndConnectionsRequest, _Mapping[str, object]]] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ["adopt_redis", "audit_coupon", "authenticate", "coupon", "coupon_status", "coupon_status_batch", "dead_letter", "end_connections", "error", "explain", "go_away", "health", "id", "issue", "issue_batch", "list_admin_actions", "list_connections", "list_coupons", "list_dead_letters", "list_issues", "rebuild_gate", "reload", "server_info", "topology", "watch"]
    ADOPT_REDIS_FIELD_NUMBER: _ClassVar[int]
    AUDIT_COUPON_FIELD_NUMBER: _ClassVar[int]
    AUTHENTICATE_FIELD_NUMBER: _ClassVar[int]
    COUPON_FIELD_NUMBER: _ClassVar[int]
    COUPON_STATUS_BATCH_FIELD_NUMBER: _ClassVar[int]
    COUPON_STATUS_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTER_FIELD_NUMBER: _ClassVar[int]
    END_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    GO_AWAY_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ISSUE_BATCH_FIELD_NUMBER: _ClassVar[int]
    ISSUE_FIELD_NUMBER: _ClassVar[int]
    LIST_ADMIN_ACTIONS_FIELD_NUMBER: _ClassVar[int]
    LIST_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    LIST_COUPONS_FIELD_NUMBER: _ClassVar[int]
    LIST_DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    LIST_ISSUES_FIELD_NUMBER: _ClassVar[int]
    REBUILD_GATE_FIELD_NUMBER: _ClassVar[int]
    RELOAD_FIELD_NUMBER: _ClassVar[int]
    SERVER_INFO_FIELD_NUMBER: _ClassVar[int]
    TOPOLOGY_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    adopt_redis: _gates_pb2.AdoptRedisResponse
    audit_coupon: AuditCouponResponse
    authenticate: AuthenticateResponse
    coupon: Coupon
    coupon_status: CouponStatusResponse
    coupon_status_batch: CouponStatusBatchResponse
    dead_letter: _issues_pb2.DeadLetter
    end_connections: _operation_pb2.EndConnectionsResponse
    error: Error
    explain: _trail_pb2.ExplainResponse
    go_away: GoAway
    health: HealthResponse
    id: int
    issue: IssueResponse
    issue_batch: IssueBatchResponse
    list_admin_actions: _trail_pb2.ListAdminActionsResponse
    list_connections: _operation_pb2.ListConnectionsResponse
    list_coupons: ListCouponsResponse
    list_dead_letters: _issues_pb2.ListDeadLettersResponse
    list_issues: _issues_pb2.ListIssuesResponse
    rebuild_gate: _gates_pb2.RebuildGateResponse
    reload: _operation_pb2.ReloadResponse
    server_info: ServerInfoResponse
    topology: _gates_pb2.TopologyResponse
    watch: _events_pb2.WatchResponse
    def __init__(self, id: _Optional[int] = ..., error: _Optional[_Union[Error, _Mapping[str, object]]] = ..., issue: _Optional[_Union[IssueResponse, _Mapping[str, object]]] = ..., coupon_status: _Optional[_Union[CouponStatusResponse, _Mapping[str, object]]] = ..., health: _Optional[_Union[HealthResponse, _Mapping[str, object]]] = ..., server_info: _Optional[_Union[ServerInfoResponse, _Mapping[str, object]]] = ..., authenticate: _Optional[_Union[AuthenticateResponse, _Mapping[str, object]]] = ..., go_away: _Optional[_Union[GoAway, _Mapping[str, object]]] = ..., issue_batch: _Optional[_Union[IssueBatchResponse, _Mapping[str, object]]] = ..., coupon_status_batch: _Optional[_Union[CouponStatusBatchResponse, _Mapping[str, object]]] = ..., watch: _Optional[_Union[_events_pb2.WatchResponse, _Mapping[str, object]]] = ..., coupon: _Optional[_Union[Coupon, _Mapping[str, object]]] = ..., list_coupons: _Optional[_Union[ListCouponsResponse, _Mapping[str, object]]] = ..., audit_coupon: _Optional[_Union[AuditCouponResponse, _Mapping[str, object]]] = ..., list_issues: _Optional[_Union[_issues_pb2.ListIssuesResponse, _Mapping[str, object]]] = ..., list_dead_letters: _Optional[_Union[_issues_pb2.ListDeadLettersResponse, _Mapping[str, object]]] = ..., dead_letter: _Optional[_Union[_issues_pb2.DeadLetter, _Mapping[str, object]]] = ..., list_admin_actions: _Optional[_Union[_trail_pb2.ListAdminActionsResponse, _Mapping[str, object]]] = ..., explain: _Optional[_Union[_trail_pb2.ExplainResponse, _Mapping[str, object]]] = ..., reload: _Optional[_Union[_operation_pb2.ReloadResponse, _Mapping[str, object]]] = ..., rebuild_gate: _Optional[_Union[_gates_pb2.RebuildGateResponse, _Mapping[str, object]]] = ..., adopt_redis: _Optional[_Union[_gates_pb2.AdoptRedisResponse, _Mapping[str, object]]] = ..., topology: _Optional[_Union[_gates_pb2.TopologyResponse, _Mapping[str, object]]] = ..., list_connections: _Optional[_Union[_operation_pb2.ListConnectionsResponse, _Mapping[str, object]]] = ..., end_connections: _Optional[_Union[_operation_pb2.EndConnectionsResponse, _Mapping[str, object]]] = ...) -> None: ...

class ResumeCouponRequest(_message.Message):
    __slots__ = ["id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class ServerInfoRequest(_message.Message):
    __slots__ = ["accepts_go_away"]
    ACCEPTS_GO_AWAY_FIELD_NUMBER: _ClassVar[int]
    accepts_go_away: bool
    def __init__(self, accepts_go_away: bool = ...) -> None: ...

class ServerInfoResponse(_message.Message):
    __slots__ = ["features", "idle_seconds", "maximum_frame_bytes", "now", "partitions", "version"]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    IDLE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FRAME_BYTES_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    features: _containers.RepeatedScalarFieldContainer[str]
    idle_seconds: int
    maximum_frame_bytes: int
    now: int
    partitions: int
    version: str
    def __init__(self, version: _Optional[str] = ..., partitions: _Optional[int] = ..., maximum_frame_bytes: _Optional[int] = ..., now: _Optional[int] = ..., idle_seconds: _Optional[int] = ..., features: _Optional[_Iterable[str]] = ...) -> None: ...

class UnarchiveCouponRequest(_message.Message):
    __slots__ = ["id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class UpdateCouponRequest(_message.Message):
    __slots__ = ["closes_at", "id", "opens_at", "title", "total", "unlimited"]
    CLOSES_AT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    OPENS_AT_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    UNLIMITED_FIELD_NUMBER: _ClassVar[int]
    closes_at: int
    id: int
    opens_at: int
    title: str
    total: int
    unlimited: bool
    def __init__(self, id: _Optional[int] = ..., title: _Optional[str] = ..., total: _Optional[int] = ..., unlimited: bool = ..., opens_at: _Optional[int] = ..., closes_at: _Optional[int] = ...) -> None: ...

class Acceptance(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__: list[str] = []

class WaitFor(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__: list[str] = []

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__: list[str] = []

class UserState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__: list[str] = []

class CouponState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__: list[str] = []
