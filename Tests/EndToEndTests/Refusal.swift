import CouponClient
import CouponCore

/// The code of the daemon's refusal; nil if the call succeeded.
func refusal<Value>(_ body: () async throws -> Value) async throws -> StatusCode? {
    do {
        _ = try await body()
        return nil
    } catch ClientError.refused(let failure) {
        return failure.code
    }
}
