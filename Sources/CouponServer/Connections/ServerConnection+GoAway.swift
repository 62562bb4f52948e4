/// The notice that the daemon is going to stop, to clients that know it. They send their next requests
/// elsewhere.
internal import CouponCore
internal import CouponWire

extension ServerConnection {
    /// The client has said that it knows the notice. If the others have got it already, it gets it at once.
    func announceGoAway() {
        acceptsGoAway = true
        if loopServer.isGoingAway { goAway(isLast: false) }
    }

    /// - Parameter isLast: true if nothing more is read, and everything that was read is answered.
    func goAway(isLast: Bool) {
        guard acceptsGoAway, !state.isEnding else { return }
        write(Response(id: 0, result: .goAway(isLast: isLast)))
    }
}

extension LoopServer {
    /// Asks the clients that know the notice to leave.
    func goAway() {
        isGoingAway = true
        for connection in connections.all where connection.acceptsGoAway {
            turn.endings.ask(connection)
        }
        endTurn()
    }

    /// How many of those clients are still connected.
    var clientsThatLeave: Int { connections.all.count { $0.acceptsGoAway } }
}
