// A page of the trail of admin actions: the request and its answer.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__AdminAction: WireMessage {}
extension Coupond__V1__ListAdminActionsRequest: WireMessage {}
extension Coupond__V1__ListAdminActionsResponse: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func listAdminActions(
        of subject: TrailSubject, _ before: Int64, _ limit: Int
    ) throws(Failure) -> Part<Coupond__V1__ListAdminActionsRequest> {
        let part = try make(Coupond__V1__ListAdminActionsRequest.self)
        switch subject {
        case .all: break
        case .coupon(let coupon): part.coupon_id = coupon.rawValue
        case .principal(let name): part.principal = try text(name)
        }
        part.before_id = before == .max ? 0 : before
        part.limit = UInt32(clamping: limit)
        return part
    }

    /// As many of the lines as fit in a frame.
    @_lifetime(borrow self)
    func page(
        of lines: [TrailLine]
    ) throws(Failure) -> Part<Coupond__V1__ListAdminActionsResponse> {
        // The envelope's id and length; each line's tag and length.
        let envelope = 32
        let prefix = 4
        let page = try make(Coupond__V1__ListAdminActionsResponse.self)
        var list = try list(of: Coupond__V1__AdminAction.self, capacity: lines.count)
        var free = Limits.frameBytes - envelope
        for value in lines {
            let part = try line(value)
            free -= prefix + part.packedSize
            if free < 0 { break }
            list.append(part)
        }
        page[\.actions, \.n_actions] = list
        return page
    }

    @_lifetime(borrow self)
    private func line(_ line: TrailLine) throws(Failure) -> Part<Coupond__V1__AdminAction> {
        let part = try make(Coupond__V1__AdminAction.self)
        let action = line.action
        part.id = line.id
        part.at = line.at.microseconds
        part.principal = try text(action.call.principal)
        part.address = try text(action.call.address)
        part.method = try text(action.call.method)
        part.coupon_id = action.coupon?.rawValue ?? 0
        part.request = action.call.request
        part.before = try text(action.before ?? "")
        part.after = try text(action.after ?? "")
        part.outcome = try text(action.outcome)
        part.count = action.count
        return part
    }
}

extension Request.Method {
    static func list(_ raw: Part<Coupond__V1__ListAdminActionsRequest>) throws(Failure) -> Self {
        let before = try Field.start(raw.before_id, "list_admin_actions.before_id")
        return .listAdminActions(
            try TrailSubject(raw), before: before == 0 ? .max : before,
            limit: try Field.limit(
                raw.limit, absent: Limits.defaultTrailLinesPerPage, most: Limits.trailLinesPerPage,
                "list_admin_actions.limit"))
    }
}

extension TrailSubject {
    fileprivate init(_ raw: Part<Coupond__V1__ListAdminActionsRequest>) throws(Failure) {
        let path = "list_admin_actions.principal"
        guard raw.principal.count <= Limits.maximumPrincipalBytes else {
            throw .field(
                path,
                "must have at most \(Limits.maximumPrincipalBytes) bytes, has "
                    + "\(raw.principal.count)")
        }
        let name = try Field.text(raw.principal, path)
        guard !name.utf8.contains(0) else { throw .field(path, "must not contain NUL") }
        switch (raw.coupon_id, name) {
        case (0, ""): self = .all
        case (let id, ""): self = .coupon(try Field.coupon(id, "list_admin_actions.coupon_id"))
        case (0, _): self = .principal(name)
        default: throw .field(path, "must not come together with coupon_id")
        }
    }
}

extension TrailLine {
    init(_ raw: Part<Coupond__V1__AdminAction>) throws(Failure) {
        let before = try Field.text(raw.before, "admin_action.before")
        let after = try Field.text(raw.after, "admin_action.after")
        self.init(
            id: raw.id, at: Timestamp(microseconds: raw.at),
            action: AdminAction(
                call: AdminCall(
                    principal: try Field.text(raw.principal, "admin_action.principal"),
                    address: try Field.text(raw.address, "admin_action.address"),
                    method: try Field.text(raw.method, "admin_action.method"),
                    request: raw.request),
                coupon: raw.coupon_id == 0 ? nil : CouponID(raw.coupon_id),
                before: before.isEmpty ? nil : before, after: after.isEmpty ? nil : after,
                outcome: try Field.text(raw.outcome, "admin_action.outcome"), count: raw.count))
    }

    static func page(
        _ raw: Part<Coupond__V1__ListAdminActionsResponse>
    ) throws(Failure) -> [TrailLine] {
        try raw[\.actions, \.n_actions].map(TrailLine.init)
    }
}
