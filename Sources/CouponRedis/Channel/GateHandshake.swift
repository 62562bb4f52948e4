/// What a new connection says before it carries gate calls: who are you, is what you store safe,
/// here is the script; and, after a break, away with my old connection.
internal import CouponCore

/// A link that is ready for calls.
struct GateSession {
    let identity: RedisIdentity
    let clientID: Int64
    /// The name that SCRIPT LOAD gave to gate.lua.
    let digest: String
    /// Settings that break promise 3, where they are allowed.
    let unsafeSettings: [String]
}

/// Why a handshake failed, for people.
struct HandshakeFailure: Error {
    let text: String
}

/// Runs once, over one link.
final class GateHandshake {
    private let link: GateLink
    private let options: RedisOptions
    /// The session before this one, and whether its connection may still run a call.
    private let old: GateSession?
    private let finish: (Result<GateSession, HandshakeFailure>) -> Void
    private var isOver = false
    private var replies: [Reply] = []

    init(
        link: GateLink, options: RedisOptions, old: GateSession?,
        finish: @escaping (Result<GateSession, HandshakeFailure>) -> Void
    ) {
        self.link = link
        self.options = options
        self.old = old
        self.finish = finish
    }

    func start() {
        if let command = options.authentication { link.send(command) { self.check($0) } }
        link.send(Command("CLIENT", "ID")) { self.collect($0) }
        link.send(RedisServerInfo.infoCommand) { self.collect($0) }
        link.send(Self.loadCommand) { self.collect($0) }
        // Last, for it alone may answer an error: a Redis that hides its settings.
        link.send(RedisServerInfo.configCommand) { self.judge(config: $0) }
    }

    static var loadCommand: Command {
        var command = Command(argumentCount: 3, capacity: 16_384)
        command.append("SCRIPT")
        command.append("LOAD")
        command.append(Script.gate.text)
        return command
    }

    private func check(_ reply: Reply) {
        if case .error(let text) = reply { end(.failure(HandshakeFailure(text: text))) }
    }

    private func collect(_ reply: Reply) {
        check(reply)
        replies.append(reply)
    }

    private func judge(config: Reply) {
        guard !isOver else { return }
        let server = RedisServerInfo(info: replies[1], config: config)
        guard let clientID = replies[0].integerValue, let identity = server.identity,
            let digest = replies[2].text
        else { return end(.failure(HandshakeFailure(text: "Redis does not tell who it is"))) }
        guard !server.isReplica else {
            return end(.failure(HandshakeFailure(text: "Redis is a replica")))
        }
        guard server.complaints.isEmpty || options.allowUnsafeSettings else {
            let text = server.complaints.joined(separator: "; ")
            return end(.failure(HandshakeFailure(text: "unsafe Redis settings: \(text)")))
        }
        let session = GateSession(
            identity: identity, clientID: clientID, digest: digest,
            unsafeSettings: server.complaints)
        // Rule 14. In another process the id would be somebody else's; the old one's calls died
        // with it.
        guard let old, old.identity.runID == identity.runID else { return end(.success(session)) }
        link.send(Command("CLIENT", "KILL", "ID", String(old.clientID))) { reply in
            self.check(reply)
            self.end(.success(session))
        }
    }

    private func end(_ result: Result<GateSession, HandshakeFailure>) {
        guard !isOver else { return }
        isOver = true
        finish(result)
    }
}
