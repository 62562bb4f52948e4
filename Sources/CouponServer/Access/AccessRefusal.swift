/// Why a caller was refused, as it is answered, counted and logged.
internal import CouponAccess
internal import CouponCore
internal import CouponWire

struct AccessRefusal: Error, Equatable {
    /// The labels of the metric.
    enum Reason: String, CaseIterable {
        /// A token that proves no principal.
        case token
        /// A wrong admin token.
        case adminToken = "admin_token"
        /// The principal lacks the method's role.
        case role
        /// The principal may not touch the coupon.
        case coupon
        /// The principal, or the certificate of the caller, has expired.
        case expired
        /// A reload has removed the principal, or the proof by which the connection was known.
        case revoked
        /// An admin method that did not come through the listener of admin methods.
        case listener
    }

    let reason: Reason
    let failure: Failure

    /// Whether the connection ends with it: each guess costs a connection.
    var endsConnection: Bool {
        switch reason {
        case .token, .adminToken, .expired, .revoked: true
        case .role, .coupon, .listener: false
        }
    }

    static let unknownToken = AccessRefusal(
        reason: .token,
        failure: Failure(
            .unauthenticated,
            "authenticate.token: no principal of the callers file has this token"))

    static let notAdminListener = AccessRefusal(
        reason: .listener,
        failure: Failure(.permissionDenied, "admin methods are answered at admin-listen only"))

    /// A principal that is known lacks a role; `anonymous` may get it if it proves who it is.
    static func missing(
        _ role: Roles, _ principal: Principal, _ method: Request.Method
    ) -> AccessRefusal {
        let need = "\(method.name) needs the role \(role.names.joined())"
        return AccessRefusal(
            reason: .role,
            failure: principal.isAnonymous
                ? Failure(.unauthenticated, "\(need): authenticate with a caller's token")
                : Failure(.permissionDenied, "\(need), which \(principal.name) does not have"))
    }

    static func coupon(_ id: CouponID, _ principal: Principal) -> AccessRefusal {
        AccessRefusal(
            reason: .coupon,
            failure: Failure(
                .permissionDenied, "\(principal.name) may not touch coupon \(id.rawValue)"))
    }

    static func manyCoupons(_ ranges: CouponRanges, _ principal: Principal) -> AccessRefusal {
        AccessRefusal(
            reason: .coupon,
            failure: Failure(
                .permissionDenied,
                "\(principal.name) may only call methods that name a coupon, of \(ranges)"))
    }

    static let notLocal = AccessRefusal(
        reason: .role,
        failure: Failure(
            .permissionDenied,
            "admin methods need an admin or the admin token: configure callers-file or admin-token-file"
        ))

    static let noAdminToken = AccessRefusal(
        reason: .role,
        failure: Failure(.unauthenticated, "token: this method needs the admin token"))

    static let wrongAdminToken = AccessRefusal(
        reason: .adminToken,
        failure: Failure(.permissionDenied, "token: is not the admin token"))

    static func expired(_ principal: Principal) -> AccessRefusal {
        AccessRefusal(
            reason: .expired,
            failure: Failure(
                .unauthenticated, "the principal \(principal.name) of the callers file has expired")
        )
    }

    static let expiredCertificate = AccessRefusal(
        reason: .expired,
        failure: Failure(.unauthenticated, "the caller's certificate has expired"))

    static func revoked(_ principal: Principal) -> AccessRefusal {
        AccessRefusal(
            reason: .revoked,
            failure: Failure(
                .unauthenticated,
                "the callers file no longer proves that this connection is \(principal.name)"))
    }
}

/// How often callers were refused at one event loop, by reason.
struct AccessCounts {
    private var counts = [Int](repeating: 0, count: AccessRefusal.Reason.allCases.count)

    mutating func count(_ reason: AccessRefusal.Reason) {
        if let index = AccessRefusal.Reason.allCases.firstIndex(of: reason) { counts[index] += 1 }
    }

    var metrics: [MetricFamily] {
        [
            MetricFamily(
                MetricName.accessRefused, .counter, by: "reason",
                zip(AccessRefusal.Reason.allCases, counts).map { ($0.rawValue, $1) })
        ]
    }
}

/// How many lines about refusals an event loop may still log in this second. A flood of refusals must not
/// become a flood of work for the log.
struct AccessLog {
    private static let linesPerSecond = 16

    private var second = MonotonicTime(nanoseconds: 0)
    private var linesLeft = 0
    private var suppressed = 0

    /// - Returns: how many refusals were not logged since the last line; nil if this one is not logged
    ///   either.
    mutating func admit(now: MonotonicTime) -> Int? {
        if now >= second.advanced(byMilliseconds: 1_000) {
            second = now
            linesLeft = Self.linesPerSecond
        }
        guard linesLeft > 0 else {
            suppressed += 1
            return nil
        }
        linesLeft -= 1
        defer { suppressed = 0 }
        return suppressed
    }
}
