/// The decoders, each as a target of libFuzzer: no bytes crash them, and what a
/// decoder accepts keeps its promises. A breach traps, and libFuzzer keeps the input.
///
/// One program for all, because building takes long: COUPOND_FUZZ_TARGET names the target.
internal import Glibc

/// What is done with one input.
typealias Target = @Sendable ([UInt8]) -> Void

private let targets: [String: Target] = [
    "frames": fuzzFrames,
    "requests": fuzzRequests,
    "responses": fuzzResponses,
    "replies": fuzzReplies,
    "topologies": fuzzTopologies,
    "queue-views": fuzzQueueViews,
    "queue-entries": fuzzQueueEntries,
    "gate-answers": fuzzGateAnswers,
    "events": fuzzEvents,
    "bookmarks": fuzzBookmarks,
    "configuration": fuzzConfiguration,
    "callers": fuzzCallers,
]

private let target: Target = {
    let name = unsafe getenv("COUPOND_FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
    guard let target = targets[name] else {
        let names = targets.keys.sorted().joined(separator: " ")
        preconditionFailure("COUPOND_FUZZ_TARGET is \"\(name)\", and must be one of \(names)")
    }
    return target
}()

/// libFuzzer calls this for each input.
@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // A copy: the address sanitizer sees a read past its end, as it would in a socket's buffer.
    target(unsafe [UInt8](UnsafeBufferPointer(start: start, count: count)))
    return 0
}

/// Traps if a promise of a decoder is broken.
func require(_ holds: Bool, _ promise: @autoclosure () -> String) {
    guard holds else { preconditionFailure(promise()) }
}
