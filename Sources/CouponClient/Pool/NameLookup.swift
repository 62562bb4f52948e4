// From a name to its addresses.
internal import Glibc
internal import NIOCore
internal import NIOPosix

enum NameLookup {
    typealias Function = @Sendable (ServerAddress) throws(ClientError) -> [SocketAddress]

    /// All addresses of a host, each once. It may block.
    /// - Throws: `ClientError.cannotConnect` if there is none.
    @Sendable
    static func addresses(of address: ServerAddress) throws(ClientError) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(address.host, "\(address.port)", &hints, &list)
        guard code == 0 else {
            throw .cannotConnect(address, reason: "the name \(address.host) has no address")
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let found = unsafe socketAddress(entry.pointee, address.host),
                !addresses.contains(found)
            {
                addresses.append(found)
            }
            unsafe next = entry.pointee.ai_next
        }
        guard !addresses.isEmpty else {
            throw .cannotConnect(address, reason: "the name \(address.host) has no address")
        }
        return addresses
    }

    private static func socketAddress(_ entry: addrinfo, _ host: String) -> SocketAddress? {
        guard let address = unsafe entry.ai_addr else { return nil }
        switch unsafe entry.ai_family {
        case AF_INET:
            return unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                unsafe SocketAddress($0.pointee, host: host)
            }
        case AF_INET6:
            return unsafe address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                unsafe SocketAddress($0.pointee, host: host)
            }
        default: return nil
        }
    }
}
