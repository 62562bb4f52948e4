/// What both users of hiredis' parser share: how large a reply may be, and why a reader failed.
internal import CHiredis

enum ReplyLimits {
    /// No reply to the daemon's scripts and commands is larger; the reader itself has no limit.
    static let maximumBytes = 64 << 20
    static let tooLarge = "Redis sent a reply of more than 64 MiB"
    /// Ten times what the largest batch needs, which is two for each request.
    static let maximumElements: CInt = 1_048_576
}

extension String {
    /// The text of hiredis' `errstr`, which ends at its first zero.
    init(errorText bytes: UnsafeRawBufferPointer) {
        unsafe self.init(decoding: unsafe bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}

extension UnsafeMutablePointer<redisReader> {
    /// Makes the reader refuse an array that is larger than any reply to the daemon.
    ///
    /// hiredis makes room for as many elements as an array announces before the first has come, and visits
    /// all of them when it gives up: seventeen bytes, `*2147483647\r\n:1\r\n`, cost 16 GB and an event loop's
    /// next ten seconds. Redis never sends that, but another server at its address may.
    func limitArrays() { unsafe pointee.fn = unsafe limitedFunctions }
}

/// hiredis' own function, which the limited one calls.
private let createArray = unsafe defaultFunctions.pointee.createArray

private nonisolated(unsafe) let defaultFunctions = {
    guard let reader = unsafe redisReaderCreate(), let functions = unsafe reader.pointee.fn else {
        preconditionFailure("no memory for a reader")
    }
    defer { unsafe redisReaderFree(reader) }
    return unsafe functions  // a constant of the library, not of the reader
}()

/// Made once and kept: every reader points to it.
private nonisolated(unsafe) let limitedFunctions = {
    let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
    unsafe functions.initialize(to: unsafe defaultFunctions.pointee)
    unsafe functions.pointee.createArray = { task, count in
        // Nil means "no memory", and ends the connection.
        count <= ReplyLimits.maximumElements ? unsafe createArray?(task, count) : nil
    }
    return unsafe functions
}()
