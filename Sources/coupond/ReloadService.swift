/// SIGHUP drops all local caches and reads the admin token again. Other settings need a restart.
internal import CouponServer
internal import ServiceLifecycle
internal import UnixSignals

struct ReloadService: Service {
    let server: CouponServer

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        for await _ in signals.cancelOnGracefulShutdown() { await server.reload() }
    }
}
