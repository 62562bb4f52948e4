/// TLS of the load generator, by OpenSSL: not the library that it measures.
internal import Glibc

/// What all connections of a generator share. OpenSSL is opened when it is needed, not linked: `make bench
/// AGAINST` builds these files in commits whose package does not have it.
@safe final class LoadTLS {
    fileprivate typealias Object = OpaquePointer

    fileprivate let library: UnsafeMutableRawPointer
    fileprivate let context: Object

    /// Trusts every certificate: the benchmark has made it.
    init() throws {
        guard let library = unsafe dlopen("libssl.so.3", RTLD_NOW) else {
            throw BenchmarkError("libssl.so.3 cannot be opened")
        }
        unsafe self.library = unsafe library
        let method = unsafe try symbol(
            library, "TLS_client_method", as: (@convention(c) () -> Object?).self)
        let make = unsafe try symbol(
            library, "SSL_CTX_new", as: (@convention(c) (Object?) -> Object?).self)
        guard let context = unsafe make(method()) else {
            throw BenchmarkError("SSL_CTX_new failed")
        }
        unsafe self.context = unsafe context
    }
}

/// The TLS of one connection.
@safe final class TLSStream {
    private typealias Call =
        @convention(c) (
            OpaquePointer, UnsafeMutableRawPointer?, Int32
        ) -> Int32

    private let stream: OpaquePointer
    private let read: Call
    private let write: Call
    private let pending: @convention(c) (OpaquePointer) -> Int32
    private let error: @convention(c) (OpaquePointer, Int32) -> Int32
    private let free: @convention(c) (OpaquePointer) -> Void

    /// Does the handshake, and makes the descriptor not block afterwards.
    init(_ tls: LoadTLS, descriptor: Int32) throws {
        let library = unsafe tls.library
        let make = unsafe try symbol(
            library, "SSL_new", as: (@convention(c) (OpaquePointer) -> OpaquePointer?).self)
        guard let stream = unsafe make(tls.context) else { throw BenchmarkError("SSL_new failed") }
        unsafe self.stream = unsafe stream
        unsafe read = try symbol(library, "SSL_read", as: Call.self)
        unsafe write = try symbol(library, "SSL_write", as: Call.self)
        unsafe pending = try symbol(
            library, "SSL_pending", as: (@convention(c) (OpaquePointer) -> Int32).self)
        unsafe error = try symbol(
            library, "SSL_get_error", as: (@convention(c) (OpaquePointer, Int32) -> Int32).self)
        unsafe free = try symbol(
            library, "SSL_free", as: (@convention(c) (OpaquePointer) -> Void).self)
        let use = unsafe try symbol(
            library, "SSL_set_fd", as: (@convention(c) (OpaquePointer, Int32) -> Int32).self)
        let connect = unsafe try symbol(
            library, "SSL_connect", as: (@convention(c) (OpaquePointer) -> Int32).self)
        guard unsafe use(stream, descriptor) == 1, unsafe connect(stream) == 1 else {
            throw BenchmarkError("a TLS handshake failed")
        }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { unsafe free(stream) }

    /// Whether decrypted bytes wait that the poller does not see.
    var hasBytes: Bool { unsafe pending(stream) > 0 }

    /// As recv: -1 with EAGAIN if there is nothing now.
    func receive(_ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
        let result = unsafe read(stream, bytes, Int32(count))
        return result > 0 ? Int(result) : failure(result)
    }

    /// As send: -1 with EAGAIN if the socket is full.
    func send(_ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
        let result = unsafe write(stream, bytes, Int32(count))
        return result > 0 ? Int(result) : failure(result)
    }

    private func failure(_ result: Int32) -> Int {
        switch unsafe error(stream, result) {
        // SSL_ERROR_WANT_READ and SSL_ERROR_WANT_WRITE.
        case 2, 3: errno = EAGAIN
        // SSL_ERROR_ZERO_RETURN.
        case 6: return 0
        default: errno = EPROTO
        }
        return -1
    }
}

/// A function of a library.
private func symbol<Function>(
    _ library: UnsafeMutableRawPointer, _ name: String, as type: Function.Type
) throws -> Function {
    guard let address = unsafe dlsym(library, name) else {
        throw BenchmarkError("\(name) is missing")
    }
    return unsafe unsafeBitCast(address, to: type)
}
