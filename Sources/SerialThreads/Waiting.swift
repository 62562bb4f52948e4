/// Asynchronous work for callers that block.
internal import Dispatch
internal import Synchronization

/// Does asynchronous work, and blocks the calling thread until it is done. Only for a thread that may block,
/// such as that of a `SerialThread`: in Swift's concurrency pool it could wait for itself.
/// - Returns: what the work returned; never nil.
public func wait<Value: Sendable>(
    for work: @escaping @Sendable () async -> Value
) -> Value? {
    let answer = Answer<Value>()
    Task {
        let value = await work()
        answer.value.withLock { $0 = value }
        answer.isThere.signal()
    }
    answer.isThere.wait()
    return answer.value.withLock { $0 }
}

private final class Answer<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
    let isThere = DispatchSemaphore(value: 0)
}
