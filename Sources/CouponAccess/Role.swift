/// What a caller may do.

/// A set of roles. One does not include another.
public struct Roles: OptionSet, Hashable, Sendable {
    /// One bit for each role.
    public let rawValue: UInt8

    /// From the bits of a set.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// May issue.
    public static let issuer = Roles(rawValue: 1)
    /// May ask for the status of coupons and users.
    public static let reader = Roles(rawValue: 2)
    /// May pause and resume coupons, list, audit and explain, and decide on dead letters.
    public static let `operator` = Roles(rawValue: 4)
    /// May create, change, close, archive and delete coupons, reload, rebuild gates and end connections.
    public static let admin = Roles(rawValue: 8)

    /// May follow events: who got which coupon, of all users.
    public static let watcher = Roles(rawValue: 16)

    /// Every role.
    public static let all: Roles = [.issuer, .reader, .watcher, .operator, .admin]

    private static let named: [(name: String, role: Roles)] = [
        ("issuer", .issuer), ("reader", .reader), ("watcher", .watcher), ("operator", .operator),
        ("admin", .admin),
    ]

    /// The names of all roles, as in the callers file.
    public static let allNames = named.map(\.name)

    /// One role, by its name; nil if there is none of that name.
    public init?(name: some StringProtocol) {
        guard let role = Self.named.first(where: { $0.name == name })?.role else { return nil }
        self = role
    }

    /// The names of the roles in the set.
    public var names: [String] { Self.named.filter { contains($0.role) }.map(\.name) }
}
