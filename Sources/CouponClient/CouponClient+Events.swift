// Events, page by page, for as long as somebody follows them.

public import CouponDomain
internal import NIOCore

extension CouponClient {
    /// What was committed, page by page, until the task is cancelled. Waits for new events, and for daemons
    /// that are away for a while.
    ///
    /// Keep the bookmark of a page once its events are handled, and begin with it the next time: then no
    /// event is missed, and only events of the last page may come twice.
    /// - Parameters:
    ///   - start: where the events begin.
    ///   - coupon: only events of this coupon; nil for all.
    public func events(
        from start: EventQuestion.Start = .now, of coupon: CouponID? = nil
    ) -> CouponEvents {
        CouponEvents(client: self, question: EventQuestion(start, of: coupon))
    }
}

/// Pages of events; see ``CouponClient/events(from:of:)``.
public struct CouponEvents: AsyncSequence, Sendable {
    /// What ends it: an error after which trying again does not help.
    public typealias Failure = ClientError
    /// Events, and the bookmark after the last of them.
    public typealias Element = EventPage

    let client: CouponClient
    let question: EventQuestion

    /// Begins where the sequence does.
    public func makeAsyncIterator() -> Iterator { Iterator(client: client, question: question) }

    /// Reads page after page.
    public struct Iterator: AsyncIteratorProtocol {
        let client: CouponClient
        var question: EventQuestion
        /// Failures since the last answer.
        private var failures: UInt32 = 0
        private var hasPage = false

        init(client: CouponClient, question: EventQuestion) {
            self.client = client
            self.question = question
        }

        /// The next page that has events or a reset. The first page may have neither: it brings the bookmark.
        /// Nil once the task is cancelled.
        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(ClientError) -> EventPage? {
            while !Task.isCancelled {
                do throws(ClientError) {
                    let page = try await client.events(question)
                    failures = 0
                    question.start = .after(page.bookmark)
                    if hasPage, page.events.isEmpty, page.resets.isEmpty { continue }
                    hasPage = true
                    return page
                } catch {
                    if Task.isCancelled { return nil }
                    failures += 1
                    // The number of tries has no limit: a caller that follows events waits until an outage
                    // ends.
                    let pause = RetryPolicy(tries: .max).pause(
                        before: failures, after: error, jitter: .random(in: 0...1))
                    guard let pause else { throw error }
                    try? await Task.sleep(for: .milliseconds(pause))
                }
            }
            return nil
        }
    }
}
