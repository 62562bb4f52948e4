import CouponCore
import Testing

@testable import CouponServer

@Suite struct AdminAccessTests {
    private func code(_ token: String?, _ given: String, isLoopback: Bool = false) -> StatusCode? {
        AdminAccess.refusal(
            token: token.map { Array($0.utf8) }, given: Array(given.utf8), isLoopback: isLoopback
        )?.code
    }

    @Test func `without a configured token only this machine may call`() {
        #expect(code(nil, "", isLoopback: true) == nil)
        #expect(code(nil, "anything", isLoopback: true) == nil)
        #expect(code(nil, "anything") == .permissionDenied)
    }

    @Test func `with a configured token everybody needs it`() {
        #expect(code("secret", "secret") == nil)
        #expect(code("secret", "", isLoopback: true) == .unauthenticated)
        #expect(code("secret", "secreT", isLoopback: true) == .permissionDenied)
        #expect(code("secret", "secre") == .permissionDenied)
        #expect(code("secret", "secrets") == .permissionDenied)
    }
}
