// Who calls: the request with a token, and its answer.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__AuthenticateRequest: WireMessage {}
extension Coupond__V1__AuthenticateResponse: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func authenticate(
        _ token: [UInt8]
    ) throws(Failure) -> Part<Coupond__V1__AuthenticateRequest> {
        let part = try make(Coupond__V1__AuthenticateRequest.self)
        part.token = try bytes(token)
        return part
    }

    @_lifetime(borrow self)
    func authenticated(
        _ authentication: Authentication
    ) throws(Failure) -> Part<Coupond__V1__AuthenticateResponse> {
        let part = try make(Coupond__V1__AuthenticateResponse.self)
        part.principal = try text(authentication.principal)
        var roles = try texts(capacity: authentication.roles.count)
        for role in authentication.roles { roles.append(try text(role)) }
        part[\.roles, \.n_roles] = roles
        part.expires_at = authentication.expiresAt?.microseconds ?? 0
        return part
    }
}

extension Request.Method {
    static func authenticate(
        _ raw: Part<Coupond__V1__AuthenticateRequest>
    ) throws(Failure) -> Self {
        let token = try Field.token(raw.token, "authenticate.token")
        guard !token.isEmpty else { throw .field("authenticate.token", "missing") }
        return .authenticate(token: token)
    }
}

extension Authentication {
    init(_ raw: Part<Coupond__V1__AuthenticateResponse>) throws(Failure) {
        self.init(
            principal: try Field.text(raw.principal, "authenticate.principal"),
            roles: try raw[\.roles, \.n_roles].texts("authenticate.roles"),
            expiresAt: raw.expires_at == 0 ? nil : Timestamp(microseconds: raw.expires_at))
    }
}
