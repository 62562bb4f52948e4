internal import NIOCore

/// Makes the client's connection when it is needed: at the first call, and again after it broke.
///
/// Confined to its event loop. Calls that come while it connects wait for the one attempt.
final class Dialer {
    typealias Use = (Result<ClientConnection, ClientError>) -> Void

    private enum State {
        case idle
        case connecting([Use])
        case connected(ClientConnection)
        case closed
    }

    private let address: ServerAddress
    private let configuration: ClientConfiguration
    private let loop: any EventLoop
    private var state = State.idle

    init(address: ServerAddress, configuration: ClientConfiguration, loop: any EventLoop) {
        self.address = address
        self.configuration = configuration
        self.loop = loop
    }

    /// Calls `use` with an open connection, at once or once it is made.
    func withConnection(_ use: @escaping Use) {
        switch state {
        case .connected(let connection) where connection.isOpen: use(.success(connection))
        case .connecting(let waiting) where waiting.count >= configuration.maximumInFlight:
            use(.failure(.tooManyInFlight))
        case .connecting(let waiting): state = .connecting(waiting + [use])
        case .closed: use(.failure(.notConnected))
        case .idle, .connected:
            state = .connecting([use])
            connect()
        }
    }

    func close() {
        let before = state
        state = .closed
        switch before {
        case .connected(let connection): connection.close()
        case .connecting(let waiting): for use in waiting { use(.failure(.notConnected)) }
        case .idle, .closed: break
        }
    }

    private func connect() {
        ClientConnection.connect(to: address, on: loop, configuration: configuration)
            .assumeIsolated()
            .whenComplete { self.connected($0.map(\.value)) }
    }

    private func connected(_ result: Result<ClientConnection, any Error>) {
        guard case .connecting(let waiting) = state else {
            // Closed meanwhile.
            if case .success(let connection) = result { connection.close() }
            return
        }
        switch result {
        case .success(let connection):
            state = .connected(connection)
            for use in waiting { use(.success(connection)) }
        case .failure(let error):
            state = .idle
            let reason = error as? ClientError
            let failure = reason ?? .cannotConnect(address, reason: String(describing: error))
            for use in waiting { use(.failure(failure)) }
        }
    }
}
