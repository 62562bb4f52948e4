/// How the daemon ends a connection that its client would keep: an error with id 0 says why. It closes in one
/// of the next turns, see ``Endings``.
internal import CouponCore
internal import CouponWire
internal import NIOCore

extension ServerConnection {
    /// Nothing more is read from this stream: sends an error with id 0, then ends.
    func end(with failure: Failure) { end(with: failure, unanswered: state.unanswered) }

    /// Callers read the error before the answers to what is in progress, and may not wait for those. So it
    /// must not say that nothing was accepted (promise 9).
    /// - Parameter unanswered: how many requests are in progress.
    func end(with failure: Failure, unanswered: Int) {
        let told = unanswered == 0 ? failure : failure.with(acceptance: .unknown)
        write(Response(id: 0, result: .failure(told)))
        end()
    }

    /// Ends without what nobody has begun for it: nothing is done, and nothing is read, in its name.
    func endAtOnce(with failure: Failure) {
        presence.leave()
        end(with: failure)
    }

    /// How it closes without an error.
    enum Exit {
        /// Behind what was written to it.
        case close
        /// At once: what is unsent is dropped.
        case reset
    }

    /// Handles nothing more, and closes in one of the next turns.
    func end(by exit: Exit) {
        self.exit = exit
        state.shutDown()
        loopServer.turn.endings.end(self)
        loopServer.endTurn()
    }

    /// Its turn to end has come: sends what is written, and closes if nothing more follows.
    func finish() {
        guard context != nil else { return }
        loopServer.turn.spendEnding()
        if exit == .reset {
            reset()
        } else if outgoing.readableBytes > 0 {
            flush()
        } else {
            closeIfDone()
        }
    }
}
