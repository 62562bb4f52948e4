/// What PostgreSQL says besides results.
internal import CLibpq
internal import CouponCore
internal import Logging

final class Notices {
    private let logger: Logger
    /// The warning that a commit may not be at the standby, if one came since this was last taken.
    private var doubt: String?

    init(_ logger: Logger) { self.logger = logger }

    /// Must outlive the connection.
    func listen(to connection: OpaquePointer) {
        _ = unsafe PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context = unsafe context, let result = unsafe result else { return }
                let notices = unsafe Unmanaged<Notices>.fromOpaque(context).takeUnretainedValue()
                let text = unsafe String(cString: PQresultErrorMessage(result)).trimmed
                let function = unsafe PQresultErrorField(result, CInt(UInt8(ascii: "R")))
                notices.note(text, from: unsafe function.map { unsafe String(cString: $0) } ?? "")
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// - Parameter function: the C function in PostgreSQL that reports it. The text is translated, and other
    ///   warnings have the same SQLSTATE, so only the function's name tells which warning it is.
    private func note(_ text: String, from function: String) {
        logger.debug("notice from PostgreSQL", metadata: [LogKey.notice: "\(text)"])
        if function == "SyncRepWaitForLSN" { doubt = text }
    }

    /// Nil if every commit since the last call was waited for. Otherwise a wait for a synchronous standby was
    /// cancelled: the transaction is committed here, and nobody knows if the standby has it.
    func takeDoubt() -> String? {
        defer { doubt = nil }
        return doubt
    }
}
