internal import NIOCore

/// Makes the client's connection when it is needed: at the first call, and again after it broke.
///
/// Confined to its event loop. Calls that come while it connects wait for the one attempt.
final class Dialer {
    typealias Use = (Result<ClientConnection, ClientError>) -> Void

    private enum State {
        case idle
        case connecting
        case connected(ClientConnection)
        case closed
    }

    private let address: ServerAddress
    private let configuration: ClientConfiguration
    private let loop: any EventLoop
    private var state = State.idle
    private var waiting: [Use] = []

    init(address: ServerAddress, configuration: ClientConfiguration, loop: any EventLoop) {
        self.address = address
        self.configuration = configuration
        self.loop = loop
    }

    /// Calls `use` with an open connection, at once or once it is made.
    func withConnection(_ use: @escaping Use) {
        switch state {
        case .connected(let connection) where connection.isOpen: use(.success(connection))
        case .connecting where waiting.count >= configuration.maximumInFlight:
            use(.failure(.tooManyInFlight))
        case .connecting: waiting.append(use)
        case .closed: use(.failure(.notConnected))
        case .idle, .connected:
            state = .connecting
            waiting.append(use)
            connect()
        }
    }

    func close() {
        if case .connected(let connection) = state { connection.close() }
        state = .closed
        serve(.failure(.notConnected))
    }

    private func connect() {
        ClientConnection.connect(to: address, on: loop, configuration: configuration)
            .assumeIsolated()
            .whenComplete { self.connected($0.map(\.value)) }
    }

    private func connected(_ result: Result<ClientConnection, any Error>) {
        guard case .connecting = state else {
            // Closed before the connection was there.
            if case .success(let connection) = result { connection.close() }
            return
        }
        switch result {
        case .success(let connection):
            state = .connected(connection)
            serve(.success(connection))
        case .failure(let error):
            state = .idle
            let known = error as? ClientError
            serve(
                .failure(known ?? .cannotConnect(address, reason: String(describing: error))))
        }
    }

    /// Those who are served may ask again.
    private func serve(_ result: Result<ClientConnection, ClientError>) {
        let served = waiting
        waiting = []
        for use in served { use(result) }
    }
}
