/// SIGHUP empties all front doors, and reads the settings and the files that they name again. The result
/// names what needs a restart.
internal import CouponCore
internal import CouponServer
internal import ServiceLifecycle
internal import UnixSignals

struct ReloadService: Service {
    /// Made before the daemon waits for its servers, so that a signal at that time is remembered.
    let signals: UnixSignalsSequence
    let server: CouponServer
    let earlyStop: EarlyStop
    let results: ReloadResults?

    func run() async throws {
        // The service group watches its signals before it runs the first service.
        earlyStop.end()
        results?.write(.waiting)
        for await _ in signals.cancelOnGracefulShutdown() {
            results?.begin()
            do throws(Failure) {
                let report = try await server.reload()
                results?.write(.done("\(report)"))
            } catch {
                results?.write(.failed(error.message))
            }
        }
    }
}
