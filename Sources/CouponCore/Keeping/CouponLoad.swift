/// The load of one coupon into an open gate (rules 32 and 53), a page of holders at a time.
///
/// It claims the coupon at the gate, so that only one daemon stages its holders; reads and stages them page
/// by page; and writes the record if the holders have not changed since. A coupon with many issues gets its
/// record before they are read, and is then filling. If another load has the claim, this one waits. Between
/// two steps its thread does other work.
public struct CouponLoad: Sendable {
    /// The result of a step.
    public enum Step: Equatable, Sendable {
        /// This many holders were staged, and the load is not over.
        case moved(holders: Int)
        /// The coupon takes requests from here, and the load is not over.
        case opened
        /// Another load has the claim: try again a little later.
        case wait
        /// It has ended.
        case done(LoadOutcome)
    }

    private enum Stage: Sendable {
        case claiming
        case claimed(Epoch)
        case staging(epoch: Epoch, marks: LoadMarks, place: HolderPlace, staged: Int64)
        /// The coupon is filling.
        case filling(epoch: Epoch, place: HolderPlace)
    }

    /// The place before all issues.
    private static let firstIssue = HolderPlace.issued(UserID(0))

    /// The coupon.
    public let coupon: CouponID
    private let number: LoadNumber
    private var stage = Stage.claiming
    private var attempts = 0

    /// - Parameter number: unique to this load.
    public init(of coupon: CouponID, number: LoadNumber) {
        self.coupon = coupon
        self.number = number
    }

    static let notOpen = BackendError.answer(.gateNotOpen)

    /// Does the next step.
    public mutating func advance(_ keeper: CouponKeeper) -> Step {
        do throws(BackendError) {
            switch stage {
            case .claiming: return try claim(keeper)
            case .claimed(let epoch): return try begin(keeper, epoch)
            case .staging(let epoch, let marks, .end, let staged):
                return try finish(keeper, epoch, marks, staged)
            case .staging(let epoch, let marks, let place, let staged)
            where opens(at: place, marks, keeper):
                return try open(keeper, epoch, marks, staged)
            case .staging(let epoch, let marks, let place, let staged):
                guard let page = try stagePage(keeper, epoch, place, marks) else {
                    return try startAgain()
                }
                let count = page.holders.count
                stage = .staging(
                    epoch: epoch, marks: marks, place: page.end, staged: staged + Int64(count))
                return .moved(holders: count)
            case .filling(let epoch, .end): return try complete(keeper, epoch)
            case .filling(let epoch, let place):
                guard let page = try stagePage(keeper, epoch, place, nil) else {
                    return try startAgain()
                }
                stage = .filling(epoch: epoch, place: page.end)
                return .moved(holders: page.holders.count)
            }
        } catch {
            abandon(keeper)
            return .done(.failed(keeper.failure(error)))
        }
    }

    /// Removes what it has staged; the load ends. A coupon that is filling stays so, until another load.
    public func abandon(_ keeper: CouponKeeper) {
        let epoch: Epoch
        switch stage {
        case .claiming: return
        case .claimed(let claimed): epoch = claimed
        case .staging(let claimed, _, _, _): epoch = claimed
        case .filling(let claimed, _): epoch = claimed
        }
        let partition = keeper.partitioning.partition(of: coupon)
        // If that fails, the partition's owner removes it seconds later (rule 41).
        try? keeper.gates.abandon(coupon, partition: partition, epoch: epoch, load: number)
    }

    private mutating func claim(_ keeper: CouponKeeper) throws(BackendError) -> Step {
        let partition = keeper.partitioning.partition(of: coupon)
        let view = try keeper.gates.inspect(coupon, partition: partition, user: nil)
        guard view.status == .open else { throw Self.notOpen }
        switch try keeper.gates.claim(
            coupon, partition: partition, epoch: view.epoch, load: number)
        {
        case .alreadyLoaded: return .done(.loaded)
        case .elsewhere: return .wait
        case .stale: throw Self.notOpen
        case .claimed: stage = .claimed(view.epoch)
        case .filling:
            stage = .filling(epoch: view.epoch, place: Self.firstIssue)
            return .opened
        }
        return .moved(holders: 0)
    }

    private mutating func begin(
        _ keeper: CouponKeeper, _ epoch: Epoch
    ) throws(BackendError) -> Step {
        var found = try marks(keeper)
        if found?.hasUnsynced == true {
            // A transaction that has not ended yet may have sent the gate such a decision just before the
            // claim. From the claim on the gate takes none.
            try keeper.store.waitForChanges(of: coupon)
            found = try marks(keeper)
        }
        guard let marks = found else {
            abandon(keeper)
            return .done(.absent)
        }
        stage = .staging(epoch: epoch, marks: marks, place: .start, staged: 0)
        return .moved(holders: 0)
    }

    private func marks(_ keeper: CouponKeeper) throws(BackendError) -> LoadMarks? {
        try keeper.store.marks(of: [coupon]).first
    }

    /// Whether the coupon gets its record before the holders after a place are loaded.
    private func opens(at place: HolderPlace, _ marks: LoadMarks, _ keeper: CouponKeeper) -> Bool {
        place == Self.firstIssue && marks.coupon.issued >= keeper.slices.issuesLoadedLater
    }

    private func page(after place: HolderPlace, _ keeper: CouponKeeper) -> PageQuestion {
        PageQuestion(
            coupon: coupon, place: place, limit: keeper.slices.holders, load: number,
            attempt: attempts)
    }

    /// Reads and stages the next holders. PostgreSQL reads the page after them while Redis writes.
    /// - Parameter marks: nil if the coupon is filling.
    /// - Returns: nil if the claim is lost.
    private func stagePage(
        _ keeper: CouponKeeper, _ epoch: Epoch, _ place: HolderPlace, _ marks: LoadMarks?
    ) throws(BackendError) -> HolderPage? {
        let partition = keeper.partitioning.partition(of: coupon)
        let page = try keeper.store.holders(self.page(after: place, keeper))
        // A page that is read before the coupon opens may lack issues that are committed after that.
        let isOpening = marks.map { opens(at: page.end, $0, keeper) } ?? false
        if page.end != .end, !isOpening {
            keeper.store.readAhead(self.page(after: page.end, keeper))
        }
        let isMine = try keeper.gates.stage(
            page.holders, of: coupon, partition: partition, epoch: epoch, load: number
        ) { keeper.store.receiveAhead() }
        return isMine ? page : nil
    }

    private mutating func finish(
        _ keeper: CouponKeeper, _ epoch: Epoch, _ marks: LoadMarks, _ staged: Int64
    ) throws(BackendError) -> Step {
        guard let step = try writeRecord(keeper, epoch, marks, staged, isFilling: false) else {
            return .done(.loaded)
        }
        return step
    }

    /// Rule 53: the gate gets the coupon with its rejected users and its figures; the issued users follow.
    private mutating func open(
        _ keeper: CouponKeeper, _ epoch: Epoch, _ marks: LoadMarks, _ staged: Int64
    ) throws(BackendError) -> Step {
        if let step = try writeRecord(keeper, epoch, marks, staged, isFilling: true) {
            return step
        }
        stage = .filling(epoch: epoch, place: Self.firstIssue)
        return .opened
    }

    /// Gives the staged holders their record, if they have not changed since `marks`.
    /// - Returns: nil if the record is this load's.
    private mutating func writeRecord(
        _ keeper: CouponKeeper, _ epoch: Epoch, _ marks: LoadMarks, _ staged: Int64, isFilling: Bool
    ) throws(BackendError) -> Step? {
        let partition = keeper.partitioning.partition(of: coupon)
        guard let now = try self.marks(keeper), now.haveSameHolders(as: marks) else {
            return try startAgain()
        }
        let result = try keeper.gates.load(
            [LoadedCoupon(marks: now, staged: staged, isFilling: isFilling)], partition: partition,
            epoch: epoch, load: number)
        guard result == .loaded else {
            return result == .alreadyLoaded ? .done(.loaded) : try startAgain()
        }
        try catchUp(keeper, partition, epoch, now.coupon.version)
        return nil
    }

    /// Sends a change that was committed during the load, when the gate did not have the coupon.
    private func catchUp(
        _ keeper: CouponKeeper, _ partition: PartitionID, _ epoch: Epoch, _ version: Int64
    ) throws(BackendError) {
        guard let now = try keeper.store.coupon(coupon), now.version > version else { return }
        _ = try keeper.gates.set(now, partition: partition, epoch: epoch)
    }

    private mutating func complete(
        _ keeper: CouponKeeper, _ epoch: Epoch
    ) throws(BackendError) -> Step {
        let partition = keeper.partitioning.partition(of: coupon)
        let isComplete = try keeper.gates.complete(
            coupon, partition: partition, epoch: epoch, load: number)
        return isComplete ? .done(.loaded) : try startAgain()
    }

    /// Starts again: another load was faster, or the coupon has changed.
    private mutating func startAgain() throws(BackendError) -> Step {
        attempts += 1
        guard attempts < 5 else {
            throw .answer(.unavailable("the coupon could not be loaded: ask again"))
        }
        stage = .claiming
        return .moved(holders: 0)
    }
}
