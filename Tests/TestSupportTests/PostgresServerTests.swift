import Foundation
import TestSupport
import Testing

@Suite struct PostgresServerTests {
    /// Stopped backends do not notice by themselves that the postmaster has gone.
    @Test func `a killed server leaves no backend`() async throws {
        let server = try await PostgresServer()
        let list = try server.query("SELECT pid FROM pg_stat_activity", on: server.connection())
        let backends = list.split(separator: "\n").compactMap { Int32($0) }
        #expect(!backends.isEmpty)
        server.pause()
        try await server.kill()
        try await eventually("every backend has gone") {
            backends.allSatisfy { kill($0, 0) != 0 }
        }
    }
}
