/// The load of one coupon into an open gate (rules 32 and 53), a page of holders at a time.
///
/// It claims the coupon at the gate, so that only one daemon stages its holders; reads and stages them page
/// by page; and writes the record if the holders have not changed since. A coupon with many issues gets its
/// record before they are read, and is then filling. If another load has the claim, this one waits for its
/// end, but says at once if the coupon takes requests. Between two steps its thread does other work.
public struct CouponLoad: Sendable {
    /// The result of a step.
    public enum Step: Equatable, Sendable {
        /// This many holders were staged, and the load is not over.
        case moved(holders: Int)
        /// The coupon takes requests from here, and its load, or another one, is not over.
        case opened
        /// Another load has the claim: try again a little later.
        case wait
        /// It has ended.
        case done(LoadOutcome)
    }

    private enum Stage: Sendable {
        case claiming
        case claimed(CouponPlace)
        case staging(CouponPlace, marks: LoadMarks, after: HolderPlace, staged: Int64)
        /// The coupon is filling.
        case filling(CouponPlace, after: HolderPlace)

        /// Where the coupon is claimed; nil before.
        var place: CouponPlace? {
            switch self {
            case .claiming: nil
            case .claimed(let place), .staging(let place, _, _, _), .filling(let place, _): place
            }
        }
    }

    /// The place before all issues.
    private static let firstIssue = HolderPlace.issued(UserID(0))

    /// The coupon.
    public let coupon: CouponID
    private let number: LoadNumber
    private var stage = Stage.claiming
    private var attempts = 0
    /// Whether it has said that the coupon takes requests, while another load fills it.
    private var isOpen = false

    /// - Parameter number: unique to this load.
    public init(of coupon: CouponID, number: LoadNumber) {
        self.coupon = coupon
        self.number = number
    }

    /// Does the next step.
    public mutating func advance(_ keeper: CouponKeeper) -> Step {
        do throws(BackendError) {
            switch stage {
            case .claiming: return try claim(keeper)
            case .claimed(let place): return try begin(keeper, place)
            case .staging(let place, let marks, .end, let staged):
                return try finish(keeper, place, marks, staged)
            case .staging(let place, let marks, let holder, let staged)
            where opens(at: holder, marks, keeper):
                return try open(keeper, place, marks, staged)
            case .staging(let place, let marks, let holder, let staged):
                guard let page = try stagePage(keeper, place, holder, marks) else {
                    return try startAgain()
                }
                let count = page.holders.count
                stage = .staging(
                    place, marks: marks, after: page.end, staged: staged + Int64(count))
                return .moved(holders: count)
            case .filling(let place, .end): return try complete(keeper, place)
            case .filling(let place, let holder):
                guard let page = try stagePage(keeper, place, holder, nil) else {
                    return try startAgain()
                }
                stage = .filling(place, after: page.end)
                return .moved(holders: page.holders.count)
            }
        } catch {
            abandon(keeper)
            return .done(.failed(keeper.failure(error)))
        }
    }

    /// Removes what it has staged; the load ends. A coupon that is filling stays so, until another load.
    public func abandon(_ keeper: CouponKeeper) {
        if let place = stage.place { keeper.abandon(place, number) }
    }

    private mutating func claim(_ keeper: CouponKeeper) throws(BackendError) -> Step {
        let partition = keeper.partitioning.partition(of: coupon)
        let view = try keeper.gates.inspect(coupon, partition: partition, user: nil)
        guard view.status == .open else { throw CouponKeeper.gateNotOpen }
        let place = CouponPlace(coupon, partition, epoch: view.epoch)
        switch try keeper.gates.claim(
            coupon, partition: partition, epoch: view.epoch, load: number)
        {
        case .alreadyLoaded: return .done(.loaded)
        case .elsewhere(let isFilling):
            guard isFilling, !isOpen else { return .wait }
            isOpen = true
            return .opened
        case .stale: throw CouponKeeper.gateNotOpen
        case .claimed: stage = .claimed(place)
        case .filling:
            stage = .filling(place, after: Self.firstIssue)
            return .opened
        }
        return .moved(holders: 0)
    }

    private mutating func begin(
        _ keeper: CouponKeeper, _ place: CouponPlace
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
        stage = .staging(place, marks: marks, after: .start, staged: 0)
        return .moved(holders: 0)
    }

    private func marks(_ keeper: CouponKeeper) throws(BackendError) -> LoadMarks? {
        try keeper.store.marks(of: [coupon]).first
    }

    /// Whether the coupon gets its record before the holders after a place are loaded.
    private func opens(at holder: HolderPlace, _ marks: LoadMarks, _ keeper: CouponKeeper) -> Bool {
        holder == Self.firstIssue && marks.coupon.issued >= keeper.slices.issuesLoadedLater
    }

    private func page(after holder: HolderPlace, _ keeper: CouponKeeper) -> PageQuestion {
        PageQuestion(
            coupon: coupon, place: holder, limit: keeper.slices.holdersOfLoad, load: number,
            attempt: attempts)
    }

    /// Reads and stages the next holders. PostgreSQL reads the page after them while Redis writes.
    /// - Parameter marks: nil if the coupon is filling.
    /// - Returns: nil if the claim is lost.
    private func stagePage(
        _ keeper: CouponKeeper, _ place: CouponPlace, _ holder: HolderPlace, _ marks: LoadMarks?
    ) throws(BackendError) -> HolderPage? {
        let page = try keeper.store.holders(self.page(after: holder, keeper))
        // A page that is read before the coupon opens may lack issues that are committed after that.
        let isOpening = marks.map { opens(at: page.end, $0, keeper) } ?? false
        if page.end != .end, !isOpening {
            keeper.store.readAhead(self.page(after: page.end, keeper))
        }
        let start = keeper.clocks.now()
        let isMine = try keeper.gates.stage(
            page.holders, of: coupon, partition: place.partition, epoch: place.epoch, load: number
        ) { keeper.store.receiveAhead() }
        keeper.loadBudget.rest(after: start, now: keeper.clocks.now())
        return isMine ? page : nil
    }

    private mutating func finish(
        _ keeper: CouponKeeper, _ place: CouponPlace, _ marks: LoadMarks, _ staged: Int64
    ) throws(BackendError) -> Step {
        try writeRecord(keeper, place, marks, staged, isFilling: false) ?? .done(.loaded)
    }

    /// Rule 53: the gate gets the coupon with its rejected users and its figures; the issued users follow.
    private mutating func open(
        _ keeper: CouponKeeper, _ place: CouponPlace, _ marks: LoadMarks, _ staged: Int64
    ) throws(BackendError) -> Step {
        if let step = try writeRecord(keeper, place, marks, staged, isFilling: true) {
            return step
        }
        stage = .filling(place, after: Self.firstIssue)
        return .opened
    }

    /// Gives the staged holders their record, if they have not changed since `marks`.
    /// - Returns: nil if the record is this load's.
    private mutating func writeRecord(
        _ keeper: CouponKeeper, _ place: CouponPlace, _ marks: LoadMarks, _ staged: Int64,
        isFilling: Bool
    ) throws(BackendError) -> Step? {
        guard let now = try self.marks(keeper), now.haveSameHolders(as: marks) else {
            return try startAgain()
        }
        let result = try keeper.gates.load(
            [LoadedCoupon(marks: now, staged: staged, isFilling: isFilling)],
            partition: place.partition, epoch: place.epoch, load: number)
        guard result == .loaded else {
            return result == .alreadyLoaded ? .done(.loaded) : try startAgain()
        }
        try keeper.catchUp([coupon: (now.coupon.version, place)])
        return nil
    }

    private mutating func complete(
        _ keeper: CouponKeeper, _ place: CouponPlace
    ) throws(BackendError) -> Step {
        let isComplete = try keeper.gates.complete(
            coupon, partition: place.partition, epoch: place.epoch, load: number)
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
