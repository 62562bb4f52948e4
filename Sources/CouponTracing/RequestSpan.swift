package import CouponDomain
package import Tracing

/// A request as a span of the program's tracer, on either side of the wire.
package final class RequestSpan {
    private let span: any Tracing.Span
    private let tracer: any Tracer
    private var hasEnded = false

    /// - Parameters:
    ///   - method: its name.
    ///   - kind: which side of the wire this is.
    ///   - parent: the trace that the request belongs to; nil for that of the current task.
    package init(
        _ method: String, _ kind: SpanKind, of tracer: any Tracer, parent: TraceContext?
    ) {
        var context = ServiceContext.current ?? .topLevel
        if parent != nil { tracer.extract(parent, into: &context, using: Traceparent()) }
        self.tracer = tracer
        span = tracer.startSpan("coupond/" + method, context: context, ofKind: kind)
        span.attributes["rpc.system"] = "coupond"
        span.attributes["rpc.method"] = method
    }

    deinit { end("no answer", isFailure: true) }

    /// What the request carries, so that the other side's span is a part of this one; nil if the tracer does
    /// not know `traceparent`.
    package var trace: TraceContext? {
        var trace: TraceContext?
        tracer.inject(span.context, into: &trace, using: Traceparent())
        return trace
    }

    /// Ends the span, once.
    /// - Parameter outcome: the outcome or the error.
    package func end(_ outcome: String, isFailure: Bool) {
        guard !hasEnded else { return }
        hasEnded = true
        span.attributes["coupond.outcome"] = outcome
        if isFailure { span.setStatus(SpanStatus(code: .error)) }
        span.end()
    }
}

extension InstrumentationSystem {
    /// The tracer that the program has installed; nil if there is none.
    package static var installedTracer: (any Tracer)? {
        let tracer = Self.tracer
        return tracer is NoOpTracer ? nil : tracer
    }
}
