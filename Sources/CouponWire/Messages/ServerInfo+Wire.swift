// What the daemon is.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
    mutating func serverInfo(
        _ info: ServerInfo
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__ServerInfoResponse> {
        let raw = unsafe try make(coupond__v1__server_info_response__init)
        unsafe raw.pointee.version = unsafe try text(info.version)
        unsafe raw.pointee.partitions = UInt32(clamping: info.partitions)
        unsafe raw.pointee.maximum_frame_bytes = UInt32(clamping: info.maximumFrameBytes)
        unsafe raw.pointee.now = info.now.microseconds
        return unsafe raw
    }
}

extension ServerInfo {
    init(_ raw: Coupond__V1__ServerInfoResponse) throws(Failure) {
        unsafe self.init(
            version: try Field.text(raw.version, "server_info.version"),
            partitions: Int(raw.partitions), maximumFrameBytes: Int(raw.maximum_frame_bytes),
            now: Timestamp(microseconds: raw.now))
    }
}
