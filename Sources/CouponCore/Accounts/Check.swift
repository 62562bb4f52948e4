/// One statement about the accounts of a coupon, and whether it holds.
public struct Check: Equatable, Sendable {
    /// When a failure counts.
    public enum Force: Sendable {
        /// Both figures are of one moment: it counts at once.
        case exact
        /// The figures are of two moments, and a step may lie between them: it counts if it is seen twice
        /// with the same difference.
        case repeated
        /// A change may still be on its way: it counts if it stays.
        case lasting
    }

    /// What must hold, in words.
    public let rule: String
    /// The figures that were compared.
    public let figures: String
    /// By how much they differ; 0 if it holds.
    public let difference: Int64
    /// When a failure counts.
    public let force: Force

    /// Whether it holds.
    public var holds: Bool { difference == 0 }

    /// A statement.
    public init(rule: String, figures: String, difference: Int64, force: Force = .repeated) {
        self.rule = rule
        self.figures = figures
        self.difference = difference
        self.force = force
    }

    /// A statement that holds or does not.
    public init(rule: String, figures: String, holds: Bool, force: Force = .repeated) {
        self.init(rule: rule, figures: figures, difference: holds ? 0 : 1, force: force)
    }

    /// Two figures that must be the same.
    public static func equal(
        _ rule: String, _ left: Int64, _ right: Int64, _ force: Force = .repeated
    ) -> Check {
        Check(rule: rule, figures: "\(left) = \(right)", difference: left - right, force: force)
    }
}
