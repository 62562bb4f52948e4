internal import Metrics

/// What a client counts, for the metrics system of its program.
struct ClientMetrics: Sendable {
    /// How long each try took, in seconds, whether it ended with an answer or with an error.
    private let seconds = Timer(label: "coupon_client_try_seconds")
    private let answered = Counter(
        label: "coupon_client_tries_total", dimensions: [("end", "answer")])
    private let refused = Counter(
        label: "coupon_client_tries_total", dimensions: [("end", "refused")])
    private let failed = Counter(
        label: "coupon_client_tries_total", dimensions: [("end", "failed")])
    private let retries = Counter(label: "coupon_client_retries_total")
    private let withheld = Counter(label: "coupon_client_retries_withheld_total")

    func ended(_ error: ClientError?, nanoseconds: Int64) {
        seconds.recordNanoseconds(nanoseconds)
        switch error {
        case nil: answered.increment()
        case .refused?: refused.increment()
        default: failed.increment()
        }
    }

    func retried() { retries.increment() }

    /// The budget for retries was used up.
    func withheldRetry() { withheld.increment() }
}

/// The keys of values in the client's log lines.
enum ClientLogKey {
    static let address = "address"
    static let reason = "reason"
    static let requests = "requests"
}
