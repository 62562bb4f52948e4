/// Measures the generator's own limit: a server with one thread that answers every frame with SOLD_OUT and
/// the same id, and does nothing else.
internal import Foundation

final class EchoServer: Sendable {
    let port: Int
    private let listener: Int32

    init() throws {
        (listener, port) = try listenOnLoopback()
        let listener = self.listener
        Thread.detachNewThread { try? Self.serve(listener) }
    }

    private static func serve(_ listener: Int32) throws {
        var poller = try Poller()
        try poller.watch(listener, token: Int(listener))
        var incoming = [UInt8](repeating: 0, count: 1 << 16)
        // Only whole questions arrive: the generator sends each batch at once, and it is much smaller than
        // the buffer.
        var outgoing: [UInt8] = []
        while true {
            var accepted: [Int32] = []
            try poller.wait(nanoseconds: 1_000_000_000) { token in
                if token == Int(listener) {
                    accepted.append(accept(listener, nil, nil))
                    return
                }
                let count = unsafe recv(Int32(token), &incoming, incoming.count, 0)
                guard count > 0 else {
                    close(Int32(token))
                    return
                }
                answer(incoming[..<count], into: &outgoing)
                _ = unsafe send(Int32(token), outgoing, outgoing.count, Int32(MSG_NOSIGNAL))
            }
            for descriptor in accepted {
                setNoDelay(descriptor)
                try poller.watch(descriptor, token: Int(descriptor))
            }
        }
    }

    /// Answers each question with SOLD_OUT.
    private static func answer(_ questions: ArraySlice<UInt8>, into answers: inout [UInt8]) {
        answers.removeAll(keepingCapacity: true)
        var offset = questions.startIndex
        while offset + 9 <= questions.endIndex {
            answers += [0, 0, 0, 9, 0x08]
            answers += questions[offset + 5..<offset + 9]
            answers += [0x52, 2, 0x08, UInt8(OutcomeCode.soldOut)]
            offset += 4 + Int(questions[offset + 3])
        }
    }
}
