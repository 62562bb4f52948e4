/// A bound on the arrays that hiredis believes in.
///
/// Its parser makes room for as many elements as an array announces before the first has come, and looks
/// at every place when it gives up: seventeen bytes, `*2147483647\r\n:1\r\n`, cost 16 GB and an event
/// loop's next ten seconds. Redis itself never sends that; whatever else is found at its address may.
internal import CHiredis

extension UnsafeMutablePointer<redisReader> {
    /// Makes the reader refuse an array that no script and no command of ours answers with.
    func limitArrays() { unsafe pointee.fn = unsafe limitedFunctions }
}

/// Two for each request of the largest batch, and ten times as many.
private let maximumElements: CInt = 1_048_576

/// hiredis' own, that the limited ones stand on.
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
        // Nil stands for "no memory", and ends the connection.
        count <= maximumElements ? unsafe createArray?(task, count) : nil
    }
    return unsafe functions
}()
