/// One statement about the accounts of a coupon, and whether it holds.
public struct Check: Equatable, Sendable {
    /// What a failure says.
    public enum Force: Sendable {
        /// Both figures are of one moment: it counts at once.
        case exact
        /// The figures are of two moments between which a step may be under way: it counts when it is
        /// seen twice, by as much.
        case repeated
        /// Changes travel: it counts when it stays.
        case lasting
    }

    /// What must hold, in words.
    public let rule: String
    /// The figures that were compared.
    public let figures: String
    /// By how much they differ; 0 if it holds.
    public let difference: Int64
    /// What a failure says.
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
