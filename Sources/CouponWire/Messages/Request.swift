// What a client sends: the envelope of a request, and its form on the wire. The methods are in
// Request+Method.swift.

internal import CCouponProto
public import CouponDomain

/// What a client sends: one envelope in one frame.
public struct Request: Equatable, Sendable {
    /// Chosen by the client; the response carries it.
    public var id: UInt64
    /// How long the caller will wait, in milliseconds; nil if the caller names no deadline.
    public var deadlineMilliseconds: UInt32?
    /// For admin methods, if the daemon requires one; else empty.
    public var token: [UInt8]
    /// The caller's trace that it belongs to; nil if there is none.
    public var trace: TraceContext?
    /// The method with its arguments.
    public var method: Method

    /// An envelope.
    public init(
        id: UInt64, deadlineMilliseconds: UInt32? = nil, token: [UInt8] = [],
        trace: TraceContext? = nil, method: Method
    ) {
        self.id = id
        self.deadlineMilliseconds = deadlineMilliseconds
        self.token = token
        self.trace = trace
        self.method = method
    }
}

extension Request {
    /// The methods and words that this daemon has and the first version of the protocol lacked. A client
    /// learns from `server_info` which of them its daemon knows.
    public static let laterFeatures: [String] = {
        let methods = Set(Coupond__V1__Request.namesInOneofs)
        return methods.subtracting(firstMethods).union(["go_away"]).sorted()
    }()

    /// The methods of the first version. It has been published, so this list stays as it is.
    private static let firstMethods = [
        "issue", "coupon_status", "health", "server_info", "create_coupon", "get_coupon",
        "list_coupons", "update_coupon", "pause_coupon", "resume_coupon", "close_coupon",
        "audit_coupon", "list_issues", "list_dead_letters", "redrive_dead_letter",
        "discard_dead_letter", "reload",
    ]
}

extension Coupond__V1__Request: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func request(_ request: Request) throws(Failure) -> Part<Coupond__V1__Request> {
        let part = try make(Coupond__V1__Request.self)
        part.id = request.id
        part.deadline_ms = request.deadlineMilliseconds ?? 0
        if !request.token.isEmpty { part.token = try bytes(request.token) }
        if let trace = request.trace { part.traceparent = try text(trace.description) }
        try setMethod(request.method, of: part)
        return part
    }
}

extension Request {
    init(_ raw: Part<Coupond__V1__Request>) throws(Failure) {
        self.init(
            id: raw.id,
            deadlineMilliseconds: raw.deadline_ms == 0 ? nil : raw.deadline_ms,
            token: try Field.token(raw.token, "token"),
            trace: try Field.trace(raw.traceparent, "traceparent"),
            method: try Method(raw))
    }
}
