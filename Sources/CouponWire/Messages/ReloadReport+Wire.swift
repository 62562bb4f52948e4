// What a reload has done: the answer to `reload`.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__ReloadResponse: WireMessage {}

extension MessageArena {
    /// The answer fits in a frame: a daemon has some fifty settings.
    @_lifetime(borrow self)
    func reloaded(
        _ report: ReloadReport
    ) throws(Failure) -> Part<Coupond__V1__ReloadResponse> {
        let part = try make(Coupond__V1__ReloadResponse.self)
        var changed = try texts(capacity: report.changed.count)
        for key in report.changed { changed.append(try text(key)) }
        part[\.changed, \.n_changed] = changed
        var needsRestart = try texts(capacity: report.needsRestart.count)
        for key in report.needsRestart { needsRestart.append(try text(key)) }
        part[\.needs_restart, \.n_needs_restart] = needsRestart
        return part
    }
}

extension ReloadReport {
    init(_ raw: Part<Coupond__V1__ReloadResponse>) throws(Failure) {
        self.init(
            changed: try raw[\.changed, \.n_changed].texts("reload.changed"),
            needsRestart: try raw[\.needs_restart, \.n_needs_restart].texts(
                "reload.needs_restart"))
    }
}
