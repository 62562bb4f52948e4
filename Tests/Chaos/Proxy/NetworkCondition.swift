/// How a network behaves.

/// What a proxy does with what passes through it.
struct Weather: Equatable, Sendable {
    /// The kinds of bad weather.
    enum Kind: String, CaseIterable, Sendable {
        /// Everything passes at once.
        case clear
        /// Everything passes late, in order.
        case slow
        /// Everything passes in pieces of a few bytes.
        case split
        /// Connections are cut again and again.
        case cut
        /// Nothing passes until the weather clears; then everything does.
        case held
        /// Nothing passes, ever, and nobody is told until the weather clears.
        case silent
        /// Half-open: on connections that stand, nothing passes any more, and nobody is ever told; new ones
        /// are as good as any.
        case orphaned
        /// Questions pass, answers do not, and nobody is told.
        case deaf
    }

    let kind: Kind
    /// How late, in milliseconds, where it is slow.
    var delay = 0

    /// Nothing is wrong.
    static let clear = Weather(kind: .clear)
}
