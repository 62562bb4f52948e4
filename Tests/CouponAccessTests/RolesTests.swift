import CouponAccess
import Testing

@Suite struct RolesTests {
    @Test func oneRoleDoesNotIncludeAnother() {
        let all: [Roles] = [.issuer, .reader, .watcher, .operator, .admin]
        for role in all {
            #expect(all.filter { $0.contains(role) } == [role])
        }
    }
}
