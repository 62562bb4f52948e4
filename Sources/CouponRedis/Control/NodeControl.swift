/// The blocking connection to one node, made when it is needed and dropped after an error.
internal import CouponCore
internal import Logging

/// One node of Redis, as a thread that may block uses it.
final class NodeControl {
    let options: RedisOptions
    private let logger: Logger
    private let whileWaiting: WhileWaiting?
    private var connection: BlockingConnection?
    /// A connection that was idle for longer is pinged before its next single call, and must answer within
    /// the same time, or within the time of any call if that is shorter.
    private static let pingMilliseconds: Int64 = 1_000
    private var usedAt = ContinuousClock.now
    /// Why the last attempt to reach the node failed, and until when that error is thrown again, unless the
    /// topology changes.
    private var failure: (error: BackendError, until: ContinuousClock.Instant, topology: Topology?)?
    private var backOff: BackOff
    /// Which process the connection reaches.
    private(set) var runID = ""
    /// The last warning: the node is checked each second, and each warning is logged once.
    private var warnedOf = ""
    /// The names under which Redis knows the scripts, from SCRIPT LOAD.
    private var digests: [Script: String] = [:]
    /// How its queues are watched.
    let parked: ParkedReads

    /// - Parameter options: where the node is; nothing is connected yet.
    init(options: RedisOptions, logger: Logger, whileWaiting: WhileWaiting? = nil) {
        self.options = options
        self.whileWaiting = whileWaiting
        self.logger = logger
        backOff =
            options.isOneOfSeveral
            ? BackOff(shortest: Limits.nodeBackOffMilliseconds) : BackOff()
        parked = ParkedReads(options, logger, whileWaiting)
    }

    /// Whether it could not be reached a moment ago, so calls fail at once.
    var isAway: Bool {
        guard let failure, ContinuousClock.now < failure.until else { return false }
        return failure.topology == options.topology?.current
    }

    /// Asks the node which Redis it is and in which term, and checks its durability settings.
    func state() throws(BackendError) -> RedisNodeState {
        try perform { connection throws(BackendError) in try self.verify(connection) }
    }

    /// Runs a job with the connection; makes one if there is none, drops it after any error.
    func perform<T>(
        _ job: (BlockingConnection) throws(BackendError) -> T
    ) throws(BackendError) -> T {
        let start = ContinuousClock.now
        do throws(BackendError) {
            let current: BlockingConnection
            if let connection, connection.isMisplaced {
                throw .redis(.unavailable("the node has moved, or was replaced"))
            }
            if let connection { current = connection } else { current = try connect() }
            connection = current
            let result = try job(current)
            usedAt = .now
            return result
        } catch {
            connection = nil
            report(error)
            if case .redis(.unavailable) = error, !isAway, isRemembered(since: start) {
                noteFailure(error)
            }
            throw error
        }
    }

    /// Whether the jobs that come soon after a failure get its error without an attempt of their own. In a
    /// cluster other nodes would wait for each attempt. A single Redis that has not answered in time would
    /// take as long again; but a scheduler waits between its attempts by itself.
    private func isRemembered(since start: ContinuousClock.Instant) -> Bool {
        let longest = Duration.milliseconds(options.blockingTimeoutMilliseconds)
        return options.isOneOfSeveral
            || whileWaiting == nil && start.duration(to: .now) >= longest
    }

    /// Logs a refusal. If Redis cannot be reached, the caller logs that, with what it waits for.
    private func report(_ error: BackendError) {
        guard case .redis(let fault) = error else { return }
        switch fault {
        case .refused(let text), .missingRights(let text):
            logger.warning("Redis refuses a command", metadata: [LogKey.reason: "\(text)"])
        default: break
        }
        if let cause = RedisServerInfo.cause(of: fault.text) { options.countRefusal(cause) }
    }

    /// Drops a connection that Redis has closed since its last use, or that is silently gone, so that the
    /// next call does not fail. Only for single calls: a series of calls must fail if Redis was away between
    /// them (rule 25).
    func dropIfClosed() {
        guard let connection else { return }
        let isIdle = usedAt.duration(to: .now) > .milliseconds(Self.pingMilliseconds)
        let longest = min(Self.pingMilliseconds, options.blockingTimeoutMilliseconds)
        if connection.isClosed || connection.isMisplaced
            || isIdle && !connection.answers(withinMilliseconds: longest)
        {
            self.connection = nil
        }
    }

    /// An attempt may last seconds if packets are lost. Soon after a failure the same error is thrown again
    /// without an attempt, so jobs in a queue do not each wait for their own.
    private func connect() throws(BackendError) -> BlockingConnection {
        if isAway, let failure { throw failure.error }
        do throws(BackendError) {
            let connection = try BlockingConnection(options, whileWaiting: whileWaiting)
            // If there are several nodes, one that does not answer must not hold up the others for long.
            if options.isOneOfSeveral {
                connection.answerMilliseconds = options.blockingConnectMilliseconds
            }
            do throws(BackendError) {
                runID = try verify(connection).identity.runID
                try loadScripts(connection)
            } catch {
                throw naming(error, connection)
            }
            connection.answerMilliseconds = options.blockingTimeoutMilliseconds
            failure = nil
            backOff.reset()
            return connection
        } catch {
            // A session with PostgreSQL that was lost in the meantime says nothing of the node.
            if case .redis = error { noteFailure(error) }
            throw error
        }
    }

    /// The next call makes an attempt of its own, however soon it comes after a failure.
    func forgetFailure() { failure = nil }

    /// Redis names the right that it missed first; rights.lua names all that are missing, if the user may
    /// run it.
    private func naming(_ error: BackendError, _ connection: BlockingConnection) -> BackendError {
        guard case .redis(.missingRights) = error,
            let digest = try? connection.ask(Script.rights.loadCommand).text,
            let names = try? connection.ask(
                Command(askingFor: options.rights, digest: digest)
            ).missingRights
        else { return error }
        return .redis(.missingRights(names))
    }

    private func noteFailure(_ error: BackendError) {
        failure = (error, .now + .milliseconds(backOff.next()), options.topology?.current)
    }

    private func verify(
        _ connection: BlockingConnection
    ) throws(BackendError) -> RedisNodeState {
        let info = try connection.call(RedisServerInfo.infoCommand)
        let config = try connection.ask(RedisServerInfo.configCommand)
        if case .error(let text) = config, ErrorReply.refusal(text) != nil,
            !options.allowUnsafeSettings
        {
            throw connection.error(text)
        }
        let server = RedisServerInfo(
            info: info, config: config, demandsReplicas: options.demandsReplicas)
        guard let identity = server.identity else {
            throw .redis(.unexpectedReply("INFO has no run_id or no master_replid"))
        }
        guard !server.isReplica else { throw .redis(.refused("Redis is a replica")) }
        let text = server.complaints.joined(separator: "; ")
        guard text.isEmpty || options.allowUnsafeSettings else {
            throw .redis(server.fault)
        }
        if !text.isEmpty && text != warnedOf {
            logger.warning(
                "Redis runs with unsafe settings", metadata: [LogKey.settings: "\(text)"])
        }
        warnedOf = text
        guard server.isOfCluster else {
            return RedisNodeState(identity: identity, term: connection.node.term)
        }
        let reply = try connection.call(RedisServerInfo.clusterCommand)
        guard let term = RedisServerInfo.term(reply) else {
            throw .redis(.unexpectedReply("CLUSTER INFO has no cluster_my_epoch"))
        }
        return RedisNodeState(identity: identity, term: term)
    }

    private func loadScripts(_ connection: BlockingConnection) throws(BackendError) {
        for script in Script.allCases {
            guard
                let digest = try connection.call(
                    script.loadCommand(inCluster: options.isOneOfSeveral)
                ).text
            else {
                throw .redis(.unexpectedReply("SCRIPT LOAD gave no digest"))
            }
            digests[script] = digest
        }
    }

    /// Runs a script. If Redis has forgotten it, loads it and runs it again.
    func run(
        _ script: Script, keys: [String], _ arguments: [Argument]
    ) throws(BackendError) -> Reply {
        try perform { connection throws(BackendError) in
            try self.run(
                [Evaluation(script: script, keys: keys, arguments: arguments)], on: connection)[0]
        }
    }

    /// Runs several in one round trip, in order.
    /// - Parameter work: is done while Redis works.
    /// - Throws: the first error that Redis answers.
    func run(
        _ evaluations: [Evaluation], on connection: BlockingConnection,
        during work: () -> Void = {}
    ) throws(BackendError) -> [Reply] {
        let replies = try replies(to: evaluations, on: connection, during: work)
        for case .error(let text) in replies { throw connection.error(text) }
        return replies
    }

    /// Runs several in one round trip, in order. If Redis has forgotten one, it is loaded, and runs again
    /// with all that come after it: a script that has run already changes nothing the second time.
    /// - Returns: one reply for each; some may be errors.
    func replies(
        to evaluations: [Evaluation], on connection: BlockingConnection,
        during work: () -> Void = {}
    ) throws(BackendError) -> [Reply] {
        let commands = evaluations.map { $0.command(digest: digests[$0.script] ?? "") }
        try connection.send(commands)
        work()
        var replies: [Reply] = []
        for _ in commands { replies.append(try connection.receive()) }
        if let missing = replies.firstIndex(where: \.isMissingScript) {
            try loadScripts(connection)
            for index in missing..<commands.count {
                replies[index] = try connection.ask(commands[index])
            }
        }
        return replies
    }

    /// A script to run, with its keys and arguments.
    struct Evaluation {
        let script: Script
        let keys: [String]
        let arguments: [Argument]

        fileprivate func command(digest: String) -> Command {
            var command = Command(argumentCount: 3 + keys.count + arguments.count)
            command.append("EVALSHA")
            command.append(digest)
            command.append(Int64(keys.count))
            for key in keys { command.append(key) }
            for argument in arguments {
                switch argument {
                case .text(let text): command.append(text)
                case .number(let number): command.append(number)
                case .bytes(let bytes): command.append(bytes)
                }
            }
            return command
        }
    }

    /// An argument of a script.
    enum Argument {
        case text(String)
        case number(Int64)
        case bytes([UInt8])

        /// A term, as `CLUSTER INFO` writes it.
        static func term(_ term: UInt64) -> Argument { .text(String(term)) }
    }
}

extension Reply {
    fileprivate var isMissingScript: Bool {
        if case .error(let text) = self { ErrorReply.isMissingScript(text) } else { false }
    }

    /// From the reply of rights.lua: the rights that are missing; nil if none is.
    var missingRights: String? {
        let names = (elements ?? []).compactMap(\.text)
        return names.isEmpty ? nil : names.joined(separator: ", ")
    }

    /// The number that most scripts answer.
    func code() throws(BackendError) -> Int64 {
        guard let value = integerValue else { throw .redis(.unexpectedReply("\(self)")) }
        return value
    }

    /// Whether a script did its work: 1 or 0.
    func done() throws(BackendError) -> Bool { try code() == 1 }
}
