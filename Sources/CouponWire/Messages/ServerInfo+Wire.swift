// What the daemon is.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__ServerInfoResponse: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func serverInfo(_ info: ServerInfo) throws(Failure) -> Part<Coupond__V1__ServerInfoResponse> {
        let part = try make(Coupond__V1__ServerInfoResponse.self)
        part.version = try text(info.version)
        part.partitions = UInt32(clamping: info.partitions)
        part.maximum_frame_bytes = UInt32(clamping: info.maximumFrameBytes)
        part.now = info.now.microseconds
        part.idle_seconds = UInt32(clamping: info.idleSeconds)
        return part
    }
}

extension ServerInfo {
    init(_ raw: Part<Coupond__V1__ServerInfoResponse>) throws(Failure) {
        self.init(
            version: try Field.text(raw.version, "server_info.version"),
            partitions: Int(raw.partitions), maximumFrameBytes: Int(raw.maximum_frame_bytes),
            now: Timestamp(microseconds: raw.now), idleSeconds: Int(raw.idle_seconds))
    }
}
