/// libpq's connection, owned. The only place besides `Rows` where its pointers live.
///
/// Calls block the caller's thread, never for longer than their deadline: a server that is stopped
/// answers neither statements nor cancels, so the client must be able to give up by itself.
internal import CLibpq
internal import CouponCore
internal import Glibc
internal import Logging

@safe
struct PostgresConnection: ~Copyable {
    private let handle: OpaquePointer
    /// Lent to libpq as the context of notices.
    private let notices: Notices
    /// The names of the statements that this session has prepared, by their text.
    private var prepared: [String: String] = [:]

    /// Connects; each host has `connectTimeoutSeconds`. Resolving a host name is not bounded by it.
    init(_ options: PostgresOptions, logger: Logger) throws(SQLFailure) {
        // The connection string may override the settings that stand before dbname.
        let password = try Self.password(options)
        let settings = [
            ("connect_timeout", "\(options.connectTimeoutSeconds)"),
            ("tcp_user_timeout", "\(options.answerTimeoutMilliseconds)"),
            ("keepalives_idle", "5"), ("keepalives_interval", "2"), ("keepalives_count", "3"),
            ("dbname", options.connection),
            ("application_name", options.applicationName),
            ("target_session_attrs", "read-write"),
            ("client_encoding", "UTF8"), ("password", password),
        ]
        guard let handle = unsafe Self.open(settings) else {
            throw .notConnected("out of memory")
        }
        let notices = Notices(logger)
        guard unsafe PQstatus(handle) == CONNECTION_OK, unsafe PQsetnonblocking(handle, 1) == 0
        else {
            let message = unsafe String(cString: PQerrorMessage(handle)).trimmed
            unsafe PQfinish(handle)
            throw .notConnected(message)
        }
        unsafe notices.listen(to: handle)
        unsafe self.handle = handle
        self.notices = notices
    }

    deinit { unsafe PQfinish(handle) }

    /// libpq ignores an empty password.
    private static func password(_ options: PostgresOptions) throws(SQLFailure) -> String {
        do { return try options.readPassword?() ?? "" } catch {
            throw .notConnected("postgres-password-file: \(error)")
        }
    }

    private static func open(_ settings: [(name: String, value: String)]) -> OpaquePointer? {
        let names = unsafe settings.map { unsafe strdup($0.name) }
        let values = unsafe settings.map { unsafe strdup($0.value) }
        defer { unsafe (names + values).forEach { unsafe free($0) } }
        return unsafe PQconnectdbParams(
            names.map { unsafe UnsafePointer($0) } + [nil],
            values.map { unsafe UnsafePointer($0) } + [nil], 1)
    }

    /// PostgreSQL's version, such as 150004.
    var serverVersion: Int { unsafe Int(PQserverVersion(handle)) }

    /// The process id of the backend, as the server reported it at the connect.
    var backend: Int64 { unsafe Int64(PQbackendPID(handle)) }

    /// Sends all statements at once and waits for all answers. Returns the result of the last.
    ///
    /// After a refused statement the rest does not run. A single statement, or several without BEGIN,
    /// are one transaction, committed when this returns.
    /// - Parameter body: gets the result of each statement before the last, with its index.
    mutating func run(
        _ statements: [Statement], within milliseconds: Int,
        earlier body: (Int, borrowing Rows) -> Void = { _, _ in }
    ) throws(SQLFailure) -> Rows {
        try begin(statements, within: milliseconds)
        return try finish(statements.count, within: milliseconds, earlier: body)
    }

    /// Sends statements without waiting for their answers: `finish` must be called before anything else is
    /// sent.
    mutating func begin(
        _ statements: [Statement], within milliseconds: Int
    ) throws(SQLFailure) {
        try prepare(statements.filter(\.isPrepared), within: milliseconds)
        guard unsafe PQenterPipelineMode(handle) == 1 else { throw lost() }
        for statement in statements {
            guard send(statement) else { throw lost() }
        }
        guard unsafe PQpipelineSync(handle) == 1, unsafe PQflush(handle) >= 0 else { throw lost() }
    }

    /// Waits for the answers to the statements that were begun. Returns the result of the last.
    mutating func finish(
        _ count: Int, within milliseconds: Int,
        earlier body: (Int, borrowing Rows) -> Void = { _, _ in }
    ) throws(SQLFailure) -> Rows {
        let rows: Rows
        do throws(SQLFailure) {
            rows = try collect(
                ends: count + 1, until: PGRES_PIPELINE_SYNC, within: milliseconds, earlier: body)
        } catch {
            // In pipeline mode the next statement could not be prepared.
            _ = unsafe PQexitPipelineMode(handle)
            throw error
        }
        guard unsafe PQexitPipelineMode(handle) == 1 else { throw lost() }
        return rows
    }

    /// Prepares what this session has not prepared yet, each in a round trip of its own.
    private mutating func prepare(
        _ statements: [Statement], within milliseconds: Int
    ) throws(SQLFailure) {
        for statement in statements where prepared[statement.sql] == nil {
            let name = "coupond_\(prepared.count)"
            let types = statement.slots.map { Oid($0.type) }
            guard
                unsafe PQsendPrepare(handle, name, statement.sql, CInt(types.count), types) == 1
            else { throw lost() }
            _ = try collect(ends: 1, until: nil, within: milliseconds)
            prepared[statement.sql] = name
        }
    }

    /// Runs a text of many statements without parameters.
    func run(script: String, within milliseconds: Int) throws(SQLFailure) {
        guard unsafe PQsendQuery(handle, script) == 1 else { throw lost() }
        _ = try collect(ends: 1, until: nil, within: milliseconds)
    }

    /// Runs a COPY … FROM STDIN with these bytes. Returns its result.
    func copy(_ sql: String, _ bytes: [UInt8], within milliseconds: Int) throws(SQLFailure) -> Rows
    {
        let deadline = ContinuousClock.now + .milliseconds(milliseconds)
        guard unsafe PQsendQuery(handle, sql) == 1 else { throw lost() }
        guard let begun = try nextResult(before: deadline) else { throw lost() }
        guard begun.status == PGRES_COPY_IN else {
            let failure = begun.failure
            while try nextResult(before: deadline) != nil {}
            throw failure
        }
        try untilAccepted(before: deadline) {
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe PQputCopyData(
                    handle, bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                    CInt(bytes.count))
            }
        }
        try untilAccepted(before: deadline) { unsafe PQputCopyEnd(handle, nil) }
        return try collect(ends: 1, until: nil, within: milliseconds)
    }

    /// libpq answers 0 if its buffer is full.
    private func untilAccepted(
        before deadline: ContinuousClock.Instant, _ put: () -> CInt
    ) throws(SQLFailure) {
        while true {
            let result = put()
            if result == 1 { return }
            guard result == 0 else { throw lost() }
            try wait(toWrite: true, before: deadline)
        }
    }

    private func send(_ statement: Statement) -> Bool {
        let slots = statement.slots
        let types = slots.map { Oid($0.type) }
        let lengths = slots.map { CInt($0.range?.count ?? 0) }
        let formats = [CInt](repeating: 1, count: slots.count)
        return unsafe statement.bytes.withUnsafeBytes { bytes in
            // An empty buffer may have no address, and a null address would be a null value.
            let start = unsafe bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)
            let values = unsafe slots.map { slot in
                unsafe slot.range.flatMap { range in
                    unsafe start?.advanced(by: range.lowerBound).assumingMemoryBound(to: CChar.self)
                }
            }
            if let name = prepared[statement.sql] {
                return unsafe PQsendQueryPrepared(
                    handle, name, CInt(slots.count), values, lengths, formats, 1) == 1
            }
            return unsafe PQsendQueryParams(
                handle, statement.sql, CInt(slots.count), types, values, lengths, formats, 1) == 1
        }
    }

    /// Reads results up to the end: a result of status `last`, or the end of a single command.
    /// - Parameter ends: how many statements end before that.
    private func collect(
        ends: Int, until last: ExecStatusType?, within milliseconds: Int,
        earlier body: (Int, borrowing Rows) -> Void = { _, _ in }
    ) throws(SQLFailure) -> Rows {
        let deadline = ContinuousClock.now + .milliseconds(milliseconds)
        var rows: Rows?
        var failure: SQLFailure?
        var (ended, results) = (0, 0)
        reading: while true {
            guard let next = try nextResult(before: deadline) else {
                ended += 1
                if last == nil { break reading }
                // Nothing more will come from a broken connection, not even an error.
                if isBroken || ended > ends { throw lost() }
                continue
            }
            let status = next.status
            if status == PGRES_PIPELINE_SYNC { break reading }
            if status == PGRES_PIPELINE_ABORTED { continue }
            if status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK {
                results += 1
                if results < ends - 1 { body(results - 1, next) }
                rows = consume next
            } else {
                failure = failure ?? next.failure
            }
        }
        // A later statement may have failed after the COMMIT.
        if let doubt = notices.takeDoubt() { throw .connectionLost(doubt) }
        if let failure { throw failure }
        guard let rows else { throw lost() }
        return rows
    }

    /// The next result; nil if a statement ends.
    private func nextResult(before deadline: ContinuousClock.Instant) throws(SQLFailure) -> Rows? {
        while true {
            let unsent = unsafe PQflush(handle)
            if unsent < 0 { throw lost() }
            if unsafe PQisBusy(handle) == 0 { break }
            try wait(toWrite: unsent > 0, before: deadline)
            guard unsafe PQconsumeInput(handle) == 1 else { throw lost() }
        }
        guard let result = unsafe PQgetResult(handle) else { return nil }
        return unsafe Rows(owning: result)
    }

    private func wait(
        toWrite: Bool, before deadline: ContinuousClock.Instant
    ) throws(SQLFailure) {
        var descriptor = pollfd(
            fd: unsafe PQsocket(handle), events: Int16(toWrite ? POLLIN | POLLOUT : POLLIN),
            revents: 0)
        while true {
            let left = (deadline - .now) / .milliseconds(1)
            guard left > 0 else { throw .connectionLost("PostgreSQL does not answer") }
            let ready = unsafe poll(&descriptor, 1, CInt(left.rounded(.up)))
            if ready > 0 { return }
            if ready < 0 && errno != EINTR { throw .connectionLost("poll failed: errno \(errno)") }
        }
    }

    /// Whether the server has ended the session since the last call, outside of a transaction.
    var hasDiedIdle: Bool {
        if isBroken { return true }
        guard unsafe PQtransactionStatus(handle) == PQTRANS_IDLE else { return false }
        // The server's last message comes before the end of the connection.
        for _ in 0..<4 {
            var descriptor = pollfd(
                fd: unsafe PQsocket(handle), events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&descriptor, 1, 0) > 0 else { return false }
            if unsafe PQconsumeInput(handle) == 0 { return true }
        }
        return isBroken
    }

    private var isBroken: Bool { unsafe PQstatus(handle) == CONNECTION_BAD }

    private func lost() -> SQLFailure {
        .connectionLost(unsafe String(cString: PQerrorMessage(handle)).trimmed)
    }
}
