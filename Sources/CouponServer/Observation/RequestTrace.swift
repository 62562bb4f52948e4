/// The traces of requests that have no answer yet: their lines in the log name them, and a tracer gets a span
/// of each.
internal import CouponCore
internal import CouponTracing
internal import CouponWire
internal import Tracing

/// The trace of a request. A request without one has nothing here, and costs nothing.
struct RequestTrace {
    let context: TraceContext
    /// Nil if no tracer is installed.
    let span: RequestSpan?
}

extension LoopServer {
    /// A request with a trace goes to its work.
    func begin(_ trace: TraceContext, _ method: Request.Method, of caller: Caller) {
        let tracer = configuration.tracer
        guard reporting.isOn || tracer != nil else { return }
        // This method may end its connection, and then it has no answer.
        if case .authenticate = method { return }
        let span = tracer.map { RequestSpan(method.name, .server, of: $0, parent: trace) }
        traces[caller] = RequestTrace(context: trace, span: span)
    }

    /// The caller gets its answer.
    func endTrace(of caller: Caller, _ result: Response.Result) {
        guard let trace = traces.removeValue(forKey: caller) else { return }
        let isFailure = if case .failure = result { true } else { false }
        trace.span?.end(result.endName, isFailure: isFailure)
    }

    /// Users of a batch have the trace of the batch.
    func trace(of caller: Caller) -> TraceContext? {
        guard !traces.isEmpty else { return nil }
        if !caller.isOfBatch { return traces[caller]?.context }
        return batches[caller.batch].flatMap { traces[$0.caller]?.context }
    }
}
