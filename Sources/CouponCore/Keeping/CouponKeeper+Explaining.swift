/// What became of a user's requests (`couponctl explain`): one question to the gate, one to PostgreSQL, each
/// bounded, whatever the size of queue and tables.
extension CouponKeeper {
    /// The gate is asked first, as for a status (rule 37). If it cannot be asked, the tables still can.
    public func explain(_ user: CouponUser) throws(BackendError) -> Explanation {
        let partition = partitioning.partition(of: user.coupon)
        var gate: GateInspection?
        var fault: String?
        do throws(BackendError) {
            gate = try gates.inspect(user.coupon, partition: partition, user: user.user)
        } catch {
            fault = failure(error).message
        }
        let traces = try store.traces(of: user, in: partition)
        let open = gate?.status == .open ? gate : nil
        let status = UserStatus(traces.standing, open)
        return Explanation(
            user: user, traces: traces, gate: gate, gateFault: fault, status: status,
            place: open.flatMap { place(of: status, in: $0, partition) })
    }
}
