/// Sends questions over many connections from one thread, in a closed or an open loop, and counts the
/// answers.
internal import Histogram

/// The result of a run.
struct LoadResult {
    /// From the first question to the last answer.
    var seconds = 0.0
    /// Answers by code.
    var answers = [Int](repeating: 0, count: 256)
    /// Counted from the time when each question was due, in nanoseconds.
    var latencies = Histogram<UInt64>(
        highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: .three)

    /// All answers a second.
    var rate: Double { Double(answers.reduce(0, +)) / seconds }

    /// A percentile of the latency, in seconds.
    func latency(_ percentile: Double) -> Double {
        Double(latencies.valueAtPercentile(percentile)) / 1e9
    }

    /// Throws unless every answer had this code.
    func checked(_ code: Int) throws -> LoadResult {
        let others = answers.enumerated().filter { $0.offset != code && $0.element > 0 }
        guard others.isEmpty else {
            throw BenchmarkError("answers by code, besides \(code): \(others)")
        }
        return self
    }
}

final class LoadGenerator<D: Dialect> {
    /// The longest time of a measurement, in nanoseconds.
    private static var timeout: Int { 60_000_000_000 }

    private let connections: [LoadConnection<D>]
    private var poller: Poller
    private var next = 0
    private var answered = 0
    private var deadline = 0
    private var result = LoadResult()

    /// - Parameter capacity: the most questions in flight on each connection.
    init(
        _ dialect: D, port: Int, connections count: Int, capacity: Int, tls: LoadTLS? = nil
    ) throws {
        poller = try Poller()
        var connections: [LoadConnection<D>] = []
        for index in 0..<count {
            let connection = try LoadConnection(
                dialect, port: port, capacity: capacity, tls: tls)
            try poller.watch(connection.descriptor, token: index)
            connections.append(connection)
        }
        self.connections = connections
    }

    /// Like redis-benchmark: each connection sends `pipeline` questions at once, and the next ones when all
    /// of them are answered.
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
            connection.ask(next, dueAt: 0)
            next += 1
        }
        try connection.send()
    }

    /// One question after the other, on the first connection.
    func oneByOne(questions: Int) throws -> LoadResult {
        begin()
        let start = nanoseconds()
        while answered < questions {
            connections[0].ask(next, dueAt: nanoseconds())
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
        try connections[token].receive { code, dueAt in
            answered += 1
            result.answers[code] += 1
            result.latencies.record(UInt64(max(0, nanoseconds() - dueAt)))
        }
    }

    /// Sends at a fixed rate, without waiting for answers. Latency counts from the time when a question was
    /// due: if it is sent late, because the subject or the generator was busy, that is part of its latency.
    func openLoop(questions: Int, rate: Double) throws -> LoadResult {
        begin()
        let start = nanoseconds() + 1_000_000
        let interval = 1e9 / rate
        while answered < questions {
            try checkDeadline()
            while next < questions, start + Int(Double(next) * interval) <= nanoseconds(),
                ask(dueAt: start + Int(Double(next) * interval))
            {}
            for connection in connections { try connection.send() }
            // If a due question found no room, try again soon.
            let due = next < questions ? start + Int(Double(next) * interval) : Int.max
            let pause = min(1_000_000, max(20_000, due - nanoseconds()))
            try poller.wait(nanoseconds: pause) { token in try receive(token) }
        }
        result.seconds = Double(nanoseconds() - start) / 1e9
        return result
    }

    /// False if the next connection has no room. Then the question waits, and its latency grows.
    private func ask(dueAt moment: Int) -> Bool {
        let connection = connections[next % connections.count]
        guard connection.hasRoom else { return false }
        connection.ask(next, dueAt: moment)
        next += 1
        return true
    }

    private func begin() {
        next = 0
        answered = 0
        result = LoadResult()
        deadline = nanoseconds() + Self.timeout
    }

    private func checkDeadline() throws {
        guard nanoseconds() < deadline else {
            throw BenchmarkError("\(answered) of \(next) questions were answered within a minute")
        }
    }
}
