// What the daemon is, and its notice that it is going to stop.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__ServerInfoRequest: WireMessage {}
extension Coupond__V1__ServerInfoResponse: WireMessage {}
extension Coupond__V1__GoAway: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func serverInfo(
        acceptsGoAway: Bool
    ) throws(Failure) -> Part<Coupond__V1__ServerInfoRequest> {
        let part = try make(Coupond__V1__ServerInfoRequest.self)
        part.accepts_go_away = acceptsGoAway
        return part
    }

    @_lifetime(borrow self)
    func goAway(isLast: Bool) throws(Failure) -> Part<Coupond__V1__GoAway> {
        let part = try make(Coupond__V1__GoAway.self)
        part.is_last = isLast
        return part
    }

    @_lifetime(borrow self)
    func serverInfo(_ info: ServerInfo) throws(Failure) -> Part<Coupond__V1__ServerInfoResponse> {
        let part = try make(Coupond__V1__ServerInfoResponse.self)
        part.version = try text(info.version)
        part.partitions = UInt32(clamping: info.partitions)
        part.maximum_frame_bytes = UInt32(clamping: info.maximumFrameBytes)
        part.now = info.now.microseconds
        part.idle_seconds = UInt32(clamping: info.idleSeconds)
        var features = try texts(capacity: info.features.count)
        for feature in info.features { features.append(try text(feature)) }
        part[\.features, \.n_features] = features
        return part
    }
}

extension ServerInfo {
    init(_ raw: Part<Coupond__V1__ServerInfoResponse>) throws(Failure) {
        self.init(
            version: try Field.text(raw.version, "server_info.version"),
            partitions: Int(raw.partitions), maximumFrameBytes: Int(raw.maximum_frame_bytes),
            now: Timestamp(microseconds: raw.now), idleSeconds: Int(raw.idle_seconds),
            features: try raw[\.features, \.n_features].texts("server_info.features"))
    }
}
