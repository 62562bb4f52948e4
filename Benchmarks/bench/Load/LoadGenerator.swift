/// Asks over many connections from one thread, in a closed or in an open loop, and counts what is answered.
internal import Histogram

/// What came of it.
struct LoadResult {
    /// From the first question to the last answer.
    var seconds = 0.0
    /// Answers by code.
    var answers = [Int](repeating: 0, count: 256)
    /// From the moment that each question was meant to be sent, in nanoseconds.
    var latencies = Histogram<UInt64>(
        highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: .three)

    /// All answers a second.
    var rate: Double { Double(answers.reduce(0, +)) / seconds }

    /// A percentile of the latency, in seconds.
    func latency(_ percentile: Double) -> Double {
        Double(latencies.valueAtPercentile(percentile)) / 1e9
    }

    /// Every answer must have been this one.
    func checked(_ code: Int) throws -> LoadResult {
        let others = answers.enumerated().filter { $0.offset != code && $0.element > 0 }
        guard others.isEmpty else {
            throw BenchmarkError("answers by code, besides \(code): \(others)")
        }
        return self
    }
}

final class LoadGenerator<D: Dialect> {
    /// No measurement takes longer.
    private static var patience: Int { 60_000_000_000 }

    private let connections: [LoadConnection<D>]
    private var poller: Poller
    private var next = 0
    private var answered = 0
    private var deadline = 0
    private var result = LoadResult()

    /// - Parameter capacity: questions on their way on each connection, at most.
    init(_ dialect: D, port: Int, connections count: Int, capacity: Int) throws {
        poller = try Poller()
        var connections: [LoadConnection<D>] = []
        for index in 0..<count {
            let connection = try LoadConnection(dialect, port: port, capacity: capacity)
            try poller.watch(connection.descriptor, token: index)
            connections.append(connection)
        }
        self.connections = connections
    }

    /// As redis-benchmark does: each connection sends `pipeline` questions at once, and the next ones when
    /// all of them are answered.
    func closedLoop(questions: Int, pipeline: Int) throws -> LoadResult {
        begin()
        let start = nanoseconds()
        for connection in connections {
            try askBatch(connection, pipeline: pipeline, of: questions)
        }
        while answered < questions {
            try checkDeadline()
            try poller.wait(nanoseconds: 100_000_000) { token in
                let connection = connections[token]
                try connection.receive { code, _ in
                    answered += 1
                    result.answers[code] += 1
                }
                try askBatch(connection, pipeline: pipeline, of: questions)
            }
        }
        result.seconds = Double(nanoseconds() - start) / 1e9
        return result
    }

    private func askBatch(
        _ connection: LoadConnection<D>, pipeline: Int, of questions: Int
    ) throws {
        guard connection.unanswered == 0, next < questions else { return }
        for _ in 0..<min(pipeline, questions - next) {
            connection.ask(next, meantAt: 0)
            next += 1
        }
        try connection.send()
    }

    /// One question after the other, on the first connection.
    func oneByOne(questions: Int) throws -> LoadResult {
        begin()
        let start = nanoseconds()
        while answered < questions {
            connections[0].ask(next, meantAt: nanoseconds())
            next += 1
            try connections[0].send()
            while answered < next {
                try checkDeadline()
                try poller.wait(nanoseconds: 100_000_000) { token in try receive(token) }
            }
        }
        result.seconds = Double(nanoseconds() - start) / 1e9
        return result
    }

    private func receive(_ token: Int) throws {
        try connections[token].receive { code, meantAt in
            answered += 1
            result.answers[code] += 1
            result.latencies.record(UInt64(max(0, nanoseconds() - meantAt)))
        }
    }

    /// At a fixed rate, whatever the answers do. Latency counts from the moment that the schedule names: a
    /// question that is sent late, because the subject or the generator was busy, has waited all the same.
    func openLoop(questions: Int, rate: Double) throws -> LoadResult {
        begin()
        let start = nanoseconds() + 1_000_000
        let interval = 1e9 / rate
        while answered < questions {
            try checkDeadline()
            while next < questions, start + Int(Double(next) * interval) <= nanoseconds(),
                ask(meantAt: start + Int(Double(next) * interval))
            {}
            for connection in connections { try connection.send() }
            // A due question that found no room is tried again soon.
            let due = next < questions ? start + Int(Double(next) * interval) : Int.max
            let pause = min(1_000_000, max(20_000, due - nanoseconds()))
            try poller.wait(nanoseconds: pause) { token in try receive(token) }
        }
        result.seconds = Double(nanoseconds() - start) / 1e9
        return result
    }

    /// False where the connection whose turn it is has no room: the question waits, and its clock runs.
    private func ask(meantAt moment: Int) -> Bool {
        let connection = connections[next % connections.count]
        guard connection.hasRoom else { return false }
        connection.ask(next, meantAt: moment)
        next += 1
        return true
    }

    private func begin() {
        next = 0
        answered = 0
        result = LoadResult()
        deadline = nanoseconds() + Self.patience
    }

    private func checkDeadline() throws {
        guard nanoseconds() < deadline else {
            throw BenchmarkError("\(answered) of \(next) questions were answered within a minute")
        }
    }
}
