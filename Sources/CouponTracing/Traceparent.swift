internal import CouponDomain
internal import Tracing

/// Passes the trace of a request to a tracer, and back.
struct Traceparent: Extractor, Injector {
    /// The only key of W3C Trace Context that requests carry.
    private static let key = "traceparent"

    func extract(key: String, from trace: TraceContext?) -> String? {
        key == Self.key ? trace?.description : nil
    }

    func inject(_ value: String, forKey key: String, into trace: inout TraceContext?) {
        if key == Self.key { trace = TraceContext(value) }
    }
}
