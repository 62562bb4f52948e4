/// Why a statement failed, as PostgreSQL or the connection said it.
enum SQLFailure: Error, Equatable {
    /// The connection cannot be used any more. If a COMMIT was in flight, its outcome is unknown.
    case connectionLost(String)
    /// There is no connection: nothing was sent.
    case notConnected(String)
    /// PostgreSQL refused; SQLSTATE and text.
    case refused(state: String, message: String)

    /// Whether the data of a statement is at fault, and not the server or the schema (rule 19).
    var blamesData: Bool {
        guard case .refused(let state, _) = self else { return false }
        return state.hasPrefix("22") || state.hasPrefix("23")
    }

    /// The text for people.
    var message: String {
        switch self {
        case .connectionLost(let message), .notConnected(let message): message
        case .refused(let state, let message): "\(message) (SQLSTATE \(state))"
        }
    }
}
