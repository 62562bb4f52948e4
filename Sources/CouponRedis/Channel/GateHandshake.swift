/// What a new connection asks before it carries gate calls, without I/O: identifies Redis, checks its
/// durability settings, loads the script, and after a break kills the old connection.
internal import CouponCore

/// What is known of Redis once a connection is ready for calls.
struct GateSession: Equatable {
    let identity: RedisIdentity
    let clientID: Int64
    /// The name that SCRIPT LOAD gave to gate.lua.
    let digest: String
    /// Settings that break promise 3, if they are allowed.
    let unsafeSettings: [String]
}

/// Runs once for each connection: `commands` are sent, and each reply is reported in order.
struct GateHandshake {
    enum Step: Equatable {
        case wait
        /// Send CLIENT KILL with this id, and report its reply too.
        case kill(clientID: Int64)
        case finished(GateSession)
        case failed(reason: String)
    }

    private let previous: GateSession?
    private let allowUnsafeSettings: Bool
    private let demandsReplicas: Bool
    private var replies: [Reply] = []
    /// The new session, while the old connection is being killed.
    private var killing: GateSession?

    /// - Parameters:
    ///   - previous: the session before this one; Redis may still run calls of its connection.
    ///   - allowUnsafeSettings: whether settings that break promise 3 are only reported.
    ///   - demandsReplicas: whether Redis must refuse writes while no replica follows it.
    init(previous: GateSession?, allowUnsafeSettings: Bool, demandsReplicas: Bool = false) {
        self.previous = previous
        self.allowUnsafeSettings = allowUnsafeSettings
        self.demandsReplicas = demandsReplicas
    }

    /// Only the last command may be answered with an error, if Redis does not know it: some servers hide
    /// their settings.
    static var commands: [Command] {
        [
            Command("CLIENT", "ID"), RedisServerInfo.infoCommand, loadCommand,
            RedisServerInfo.configCommand,
        ]
    }

    static var loadCommand: Command { Script.gate.loadCommand }

    mutating func received(_ reply: Reply) -> Step {
        if case .error(let text) = reply {
            let refusal = ErrorReply.refusal(text)
            let isOfSettings = replies.count == 3
            // A Redis that hides its settings counts as unsafe. One that is busy, or whose user lacks
            // a right, does not: the handshake fails, unless unsafe settings are allowed.
            if !isOfSettings || refusal != nil && !allowUnsafeSettings {
                return .failed(reason: refusal ?? "Redis: \(text)")
            }
        }
        if let killing { return .finished(killing) }
        replies.append(reply)
        return replies.count == 4 ? judge() : .wait
    }

    private mutating func judge() -> Step {
        let server = RedisServerInfo(
            info: replies[1], config: replies[3], demandsReplicas: demandsReplicas)
        guard let clientID = replies[0].integerValue, let identity = server.identity,
            let digest = replies[2].text
        else { return .failed(reason: "Redis does not say which server it is") }
        guard !server.isReplica else { return .failed(reason: "Redis is a replica") }
        guard server.complaints.isEmpty || allowUnsafeSettings else {
            return .failed(reason: server.fault.text)
        }
        let session = GateSession(
            identity: identity, clientID: clientID, digest: digest,
            unsafeSettings: server.complaints)
        // Rule 14. In another process that id would be another client's, and the old calls died with the
        // old process.
        guard let previous, previous.identity.runID == identity.runID else {
            return .finished(session)
        }
        killing = session
        return .kill(clientID: previous.clientID)
    }
}
