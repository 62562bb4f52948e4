// A frame that is written into memory of the caller.

extension OutputRawSpan {
    /// Appends the length of a message, and the message.
    ///
    /// - Parameter pack: writes the message, for which there must be room, and returns its size in bytes.
    @unsafe @inline(__always)
    mutating func appendFrame(_ pack: (UnsafeMutablePointer<UInt8>) -> Int) {
        unsafe withUnsafeMutableBytes { buffer, count in
            let start = unsafe buffer.baseAddress.map { unsafe $0 + count }
            guard let start = unsafe start else { preconditionFailure("a frame has bytes") }
            let body = unsafe start + FrameSplitter.prefixLength
            let size = unsafe pack(body.assumingMemoryBound(to: UInt8.self))
            let prefix = UInt32(truncatingIfNeeded: size).bigEndian
            unsafe start.storeBytes(of: prefix, as: UInt32.self)
            count += FrameSplitter.prefixLength + size
        }
    }
}
