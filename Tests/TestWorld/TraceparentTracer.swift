package import InMemoryTracing
package import Tracing

/// A tracer that keeps its spans, and passes them on as `traceparent`: what a backend of a program does.
package struct TraceparentTracer: Tracer {
    /// A span that has ended.
    package struct EndedSpan: Equatable, Sendable {
        package let name: String
        package let kind: SpanKind
        package let trace: String
        package let id: String
        package let parent: String?
        /// Nil if it has none.
        package let outcome: String?
        package let isFailure: Bool
    }

    private static let key = "traceparent"

    private let spans = InMemoryTracer(
        idGenerator: InMemoryTracer.IDGenerator(
            nextTraceID: { TraceparentTracer.number() + TraceparentTracer.number() },
            nextSpanID: { TraceparentTracer.number() }))

    package init() {}

    /// Spans that have ended, the first one first.
    package var ended: [EndedSpan] {
        spans.finishedSpans.map { span in
            EndedSpan(
                name: span.operationName, kind: span.kind, trace: span.traceID, id: span.spanID,
                parent: span.parentSpanID,
                outcome: Self.text(span.attributes.get("coupond.outcome")),
                isFailure: span.status?.code == .error)
        }
    }

    private static func text(_ attribute: SpanAttribute?) -> String? {
        if case .string(let text)? = attribute { text } else { nil }
    }

    private static func number() -> String {
        let digits = String(UInt64.random(in: 1 ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    package func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> InMemorySpan {
        spans.startSpan(
            operationName, context: context(), ofKind: kind, at: instant(), function: function,
            file: fileID, line: line)
    }

    package func forceFlush() {}

    package func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let span = context.inMemorySpanContext else { return }
        injector.inject("00-\(span.traceID)-\(span.spanID)-01", forKey: Self.key, into: &carrier)
    }

    package func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        let parts = extractor.extract(key: Self.key, from: carrier)?.split(separator: "-") ?? []
        guard parts.count == 4 else { return }
        context.inMemorySpanContext = InMemorySpanContext(
            traceID: String(parts[1]), spanID: String(parts[2]), parentSpanID: nil)
    }
}
