// The connections of a daemon: a page of them, and their end.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__CallerConnection: WireMessage {}
extension Coupond__V1__ListConnectionsRequest: WireMessage {}
extension Coupond__V1__ListConnectionsResponse: WireMessage {}
extension Coupond__V1__EndConnectionsRequest: WireMessage {}
extension Coupond__V1__EndConnectionsResponse: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func listConnections(
        _ filter: ConnectionFilter, after: Int64, limit: Int
    ) throws(Failure) -> Part<Coupond__V1__ListConnectionsRequest> {
        let part = try make(Coupond__V1__ListConnectionsRequest.self)
        part.principal = try text(filter.principal ?? "")
        part.address = try text(filter.address ?? "")
        part.after_id = after
        part.limit = UInt32(clamping: limit)
        return part
    }

    @_lifetime(borrow self)
    func endConnections(
        _ filter: ConnectionFilter
    ) throws(Failure) -> Part<Coupond__V1__EndConnectionsRequest> {
        let part = try make(Coupond__V1__EndConnectionsRequest.self)
        part.id = filter.id ?? 0
        part.principal = try text(filter.principal ?? "")
        part.address = try text(filter.address ?? "")
        return part
    }

    /// As many of the connections as fit in a frame.
    @_lifetime(borrow self)
    func page(
        of connections: [CallerConnection]
    ) throws(Failure) -> Part<Coupond__V1__ListConnectionsResponse> {
        // The envelope's id and length; each connection's tag and length.
        let envelope = 32
        let prefix = 4
        let page = try make(Coupond__V1__ListConnectionsResponse.self)
        var list = try list(of: Coupond__V1__CallerConnection.self, capacity: connections.count)
        var free = Limits.frameBytes - envelope
        for value in connections {
            let part = try connection(value)
            free -= prefix + part.packedSize
            if free < 0 { break }
            list.append(part)
        }
        page[\.connections, \.n_connections] = list
        return page
    }

    @_lifetime(borrow self)
    func connectionsEnded(
        _ count: Int
    ) throws(Failure) -> Part<Coupond__V1__EndConnectionsResponse> {
        let part = try make(Coupond__V1__EndConnectionsResponse.self)
        part.count = UInt32(clamping: count)
        return part
    }

    @_lifetime(borrow self)
    private func connection(
        _ connection: CallerConnection
    ) throws(Failure) -> Part<Coupond__V1__CallerConnection> {
        let part = try make(Coupond__V1__CallerConnection.self)
        part.id = connection.id
        part.principal = try text(connection.principal)
        part.address = try text(connection.address)
        part.age_ms = UInt64(clamping: connection.ageMilliseconds)
        part.in_flight = UInt32(clamping: connection.inFlight)
        part.held_bytes = UInt64(clamping: connection.heldBytes)
        return part
    }
}

extension Request.Method {
    static func list(_ raw: Part<Coupond__V1__ListConnectionsRequest>) throws(Failure) -> Self {
        .listConnections(
            ConnectionFilter(
                principal: try name(
                    raw.principal, Limits.maximumPrincipalBytes, "list_connections.principal"),
                address: try name(
                    raw.address, Limits.maximumAddressBytes, "list_connections.address")),
            after: try Field.start(raw.after_id, "list_connections.after_id"),
            limit: try Field.limit(
                raw.limit, absent: Limits.defaultConnectionsPerPage,
                most: Limits.connectionsPerPage, "list_connections.limit"))
    }

    static func endConnections(
        _ raw: Part<Coupond__V1__EndConnectionsRequest>
    ) throws(Failure) -> Self {
        let id = try Field.start(raw.id, "end_connections.id")
        let filter = ConnectionFilter(
            id: id == 0 ? nil : id,
            principal: try name(
                raw.principal, Limits.maximumPrincipalBytes, "end_connections.principal"),
            address: try name(raw.address, Limits.maximumAddressBytes, "end_connections.address"))
        guard filter != ConnectionFilter() else { throw .field("end_connections", "names nothing") }
        return .endConnections(filter)
    }

    /// Nil if the text is empty.
    private static func name(
        _ value: WireBytes, _ limit: Int, _ path: String
    ) throws(Failure) -> String? {
        guard value.count <= limit else {
            throw .field(path, "must have at most \(limit) bytes, has \(value.count)")
        }
        let text = try Field.text(value, path)
        return text.isEmpty ? nil : text
    }
}

extension CallerConnection {
    init(_ raw: Part<Coupond__V1__CallerConnection>) throws(Failure) {
        self.init(
            id: raw.id, principal: try Field.text(raw.principal, "connections.principal"),
            address: try Field.text(raw.address, "connections.address"),
            ageMilliseconds: Int64(clamping: raw.age_ms), inFlight: Int(raw.in_flight),
            heldBytes: Int(clamping: raw.held_bytes))
    }

    static func page(
        _ raw: Part<Coupond__V1__ListConnectionsResponse>
    ) throws(Failure) -> [CallerConnection] {
        try raw[\.connections, \.n_connections].map(CallerConnection.init)
    }
}
