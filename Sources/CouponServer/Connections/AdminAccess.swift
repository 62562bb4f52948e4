/// Who may call admin methods: callers with the admin token, or callers on this machine if there is none.
internal import CouponCore

enum AdminAccess {
    /// Nil if the method may be called.
    /// - Parameters:
    ///   - token: the configured token.
    ///   - given: what the request carries; empty if nothing.
    static func refusal(token: [UInt8]?, given: [UInt8], isLoopback: Bool) -> Failure? {
        guard let token else {
            return isLoopback
                ? nil
                : Failure(
                    .permissionDenied,
                    "admin methods are served to this machine only: configure admin-token-file")
        }
        if given.isEmpty {
            return Failure(.unauthenticated, "token: this method needs the admin token")
        }
        return isEqualInConstantTime(given, token)
            ? nil : Failure(.permissionDenied, "token: is not the admin token")
    }

    /// Takes the same time wherever the first difference is.
    private static func isEqualInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
