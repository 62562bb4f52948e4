/// A plain libpq session.
internal import CLibpq
internal import Glibc

@safe final class Postgres {
    private let handle: OpaquePointer

    /// - Parameter connection: libpq's connection string.
    init(_ connection: String) throws {
        guard let handle = unsafe PQconnectdb(connection) else { throw BenchmarkError("no memory") }
        unsafe self.handle = unsafe handle
        guard unsafe PQstatus(handle) == CONNECTION_OK else { throw failure() }
        unsafe PQsetNoticeProcessor(handle, { _, _ in }, nil)
        try run("SET statement_timeout = '180s'")
    }

    deinit { unsafe PQfinish(handle) }

    /// Runs one or more statements without parameters. Returns the rows of the last.
    @discardableResult
    func run(_ sql: String) throws -> [[String]] { unsafe try rows(PQexec(handle, sql)) }

    /// The number that a query returns.
    func number(_ sql: String) throws -> Int {
        guard let text = try run(sql).first?.first, let number = Int(text) else {
            throw BenchmarkError("no number: \(sql)")
        }
        return number
    }

    func prepare(_ name: String, _ sql: String) throws {
        _ = unsafe try rows(PQprepare(handle, name, sql, 0, nil))
    }

    /// Runs a prepared statement.
    @discardableResult
    func execute(_ name: String, _ parameters: String...) throws -> [[String]] {
        let copies = unsafe parameters.map { unsafe strdup($0) }
        defer { unsafe copies.forEach { unsafe free($0) } }
        return unsafe try rows(
            PQexecPrepared(
                handle, name, Int32(parameters.count), copies.map { unsafe UnsafePointer($0) }, nil,
                nil,
                0))
    }

    /// Sends rows that are already in COPY's format.
    func copy(_ sql: String, _ bytes: [UInt8]) throws {
        let begun = unsafe PQexec(handle, sql)
        defer { unsafe PQclear(begun) }
        guard unsafe PQresultStatus(begun) == PGRES_COPY_IN else { throw failure() }
        var offset = 0
        while offset < bytes.count {
            let count = min(1 << 16, bytes.count - offset)
            let sent = unsafe bytes.withUnsafeBytes { bytes in
                unsafe PQputCopyData(
                    handle,
                    bytes.baseAddress?.advanced(by: offset).assumingMemoryBound(to: CChar.self),
                    Int32(count))
            }
            guard sent == 1 else { throw failure() }
            offset += count
        }
        guard unsafe PQputCopyEnd(handle, nil) == 1 else { throw failure() }
        while let result = unsafe PQgetResult(handle) { _ = unsafe try rows(result) }
    }

    /// Writes what a COPY sends to a file.
    func copyOut(_ sql: String, to path: String) throws {
        guard let file = unsafe fopen(path, "w") else {
            throw BenchmarkError("cannot write \(path)")
        }
        defer { unsafe fclose(file) }
        let begun = unsafe PQexec(handle, sql)
        defer { unsafe PQclear(begun) }
        guard unsafe PQresultStatus(begun) == PGRES_COPY_OUT else { throw failure() }
        var row: UnsafeMutablePointer<CChar>?
        while case let length = unsafe PQgetCopyData(handle, &row, 0), length >= 0 {
            defer { unsafe PQfreemem(row) }
            guard unsafe fwrite(row, 1, Int(length), file) == Int(length) else {
                throw BenchmarkError("cannot write \(path)")
            }
        }
        while let result = unsafe PQgetResult(handle) { _ = unsafe try rows(result) }
    }

    private func rows(_ result: OpaquePointer?) throws -> [[String]] {
        defer { unsafe PQclear(result) }
        switch unsafe PQresultStatus(result) {
        case PGRES_COMMAND_OK: return []
        case PGRES_TUPLES_OK:
            return unsafe (0..<PQntuples(result)).map { row in
                unsafe (0..<PQnfields(result)).map {
                    unsafe String(cString: PQgetvalue(result, row, $0))
                }
            }
        default: throw failure()
        }
    }

    private func failure() -> BenchmarkError {
        BenchmarkError(unsafe "PostgreSQL: \(String(cString: PQerrorMessage(handle)))")
    }
}
