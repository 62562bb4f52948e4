/// Every limit of the daemon that callers do not see, with its reason (promise 10). Those that callers see
/// are in CouponDomain.
///
/// Limits that an operator may want to change are settings, with these as defaults.
extension Limits {
    // MARK: Callers

    /// Connections at once. Default; configurable.
    public static let connections = 20_000
    /// Connections at the listener of admin methods, besides those.
    public static let adminConnections = 64
    /// Connections above these that are open at once to get their error.
    public static let refusedAdminConnections = 16
    /// Bytes of answers that one connection may leave unread; beyond it the connection is not read.
    public static let unreadBytesPerConnection = 262_144
    /// How many of them the kernel holds, besides what is on its way. By itself it takes megabytes for each
    /// connection that reads nothing, whose requests would be handled until then.
    public static let unsentBytesOfKernel = 65_536
    /// Bytes that all connections hold. Default; configurable. A caller that reads holds a few KiB.
    public static let bufferBytes = 268_435_456
    /// Bytes that one read takes from a socket at most: a connection keeps the buffers of its largest reads.
    public static let bytesPerRead = 16_384
    /// Bytes that are encrypted at once: a connection with TLS keeps the buffer of its largest write.
    public static let tlsBytesPerWrite = 16_384
    /// What the requests of one turn of an event loop may cost, in bounces: some 1.5 ms of invalid requests,
    /// some 5 ms of bounces. What is left waits for the next turn.
    public static let turnCost = 8_192
    /// The same for one connection, after the turn's own budget is used up.
    public static let leastTurnShare = 64
    /// What a request costs, in bounces, if it is not an issue request or is invalid.
    public static let otherRequestCost = 32
    /// What it costs to send a turn's answers to one connection, in bounces.
    public static let writeCost = 32
    /// What the opening of a connection costs, in bounces: to accept it, set its options and put its handlers
    /// together takes some 50 µs.
    public static let openingCost = 256
    /// Connections that one turn accepts from each listener, some 0.8 ms: a new caller may wait behind a
    /// thousand others.
    public static let openingsPerTurn = 16
    /// What the end of a connection costs, in bounces: to send its last bytes and close it.
    public static let endingCost = 256
    /// Connections that one turn of an event loop ends of its own accord, which takes some 2 ms: a thousand
    /// may be due at once. As many clients are asked to leave in one turn. More of both if thousands wait.
    public static let endingsPerTurn = 16
    /// Connections whose requests one turn of an event loop goes on with: each gets a little, and a write.
    public static let continuedPerTurn = 64
    /// So many bytes of a message that is not a plain issue request cost as much to read as a bounce.
    public static let bytesForBounce = 64
    /// What each user of a batch costs, in bounces.
    public static let batchUserCost = 2
    /// A longer frame may hold hundreds of users: it waits for the next turn if this one is used up. An issue
    /// request has some 60 bytes at most, without a trace.
    public static let shortFrameBytes = 256
    /// How long requests that are left over wait for the next turn, in microseconds. The kernel preempts a
    /// thread that never rests, and then another caller's request waits for as long.
    public static let turnPauseMicroseconds: Int64 = 1_000
    /// The longest frame of a caller that may do nothing before it authenticates, in bytes.
    public static let strangersFrameBytes = 1_024
    /// Requests in flight of all workers. Default; configurable.
    public static let requestsInFlight = 500_000
    /// Retries of one connection each second: each costs the gate some microseconds.
    public static let retriesPerSecond = 5_000
    /// The same at once, after an outage: ten times as many requests as may be unanswered.
    public static let retriesAtOnce = 10_240
    /// Lookups of coupons that do not exist, for one connection each second: each costs PostgreSQL a look.
    public static let unknownCouponsPerSecond = 100
    /// The same at once.
    public static let unknownCouponsAtOnce = 1_000
    /// How many closed connections a daemon remembers because they had spent a part of these budgets.
    public static let debts = 16_384
    /// The shortest admin token, in bytes.
    public static let minimumTokenBytes = 16
    /// Users whose rate a daemon remembers, 16 bytes each.
    public static let usersWithRates = 65_536
    /// Unanswered issue requests of one worker; beyond it RESOURCE_EXHAUSTED.
    public static let requestsInFlightPerWorker = 262_144
    /// Callers of one worker who wait for ISSUED; beyond it RESOURCE_EXHAUSTED.
    public static let waitersPerWorker = 262_144

    /// Kinds of denied calls of callers with a name that are counted apart, by caller, method and code.
    /// Further ones are counted together.
    public static let deniedCallKinds = 64
    /// Lines of the trail that wait for PostgreSQL, some 1 MiB at most; further ones are lost, and counted.
    public static let trailLinesWaiting = 1_024
    /// How long a daemon that ends waits for its last lines of the trail, in milliseconds.
    public static let lastTrailLinesMilliseconds: Int64 = 5_000
    /// How long a daemon that has answered its callers waits for its threads, in milliseconds: each may wait
    /// for PostgreSQL, Redis or a name server.
    public static let stopMilliseconds: Int64 = 3_000
    /// How long denied calls are counted before the trail gets their lines, in milliseconds.
    public static let deniedCallsMilliseconds: Int64 = 60_000

    // MARK: Descriptors

    /// Files that the daemon may have to open for itself, whatever callers hold: the standard three, sessions
    /// with PostgreSQL and connections to Redis beside the event loops' own, signals, the listener for HTTP,
    /// secrets that are read again, the resolver's sockets. Some thirty, and two for each issuing lane after
    /// the first; the rest is for later versions.
    public static let ownDescriptors = 64
    /// The same for each event loop: its own three, a listener, the connections to gate and replicas, and
    /// their successors, which may open before the old ones are closed.
    public static let ownDescriptorsPerEventLoop = 8
    /// Blocking connections to each node of Redis, beside those of issuing lanes and those that wait for
    /// entries: one for each lane, for the events and for the start.
    public static let blockingConnections = 12
    /// What TLS adds to a blocking connection: a pair of sockets between hiredis and the relay. The event
    /// loop of the relays needs some too.
    public static let descriptorsOfRelay = 2
    /// Addresses in `listen`: each needs a listener for each event loop.
    public static let listenAddresses = 8
    /// Connections for HTTP at once; one more is closed.
    public static let observationConnections = 64
    /// The same for one address beyond this machine.
    public static let observationConnectionsPerAddress = 16
    /// How long a daemon that stops waits for clients to leave before it refuses requests. A client needs a
    /// round trip, and the answers to what it has sent.
    public static let goAwayMilliseconds: Int64 = 1_000
    /// How often systemd gets a new status line, in seconds.
    public static let statusLineSeconds = 5
    /// How often each event loop measures how late it is, in milliseconds.
    public static let lagProbeMilliseconds: Int64 = 250
    /// Slow requests that each event loop logs in a second; further ones are only counted.
    public static let requestsLogged = 16
    /// /readyz reports that a daemon cannot accept requests once that has lasted so long, in milliseconds: a
    /// rebuild or a new connection to Redis takes less.
    public static let unreadyMilliseconds: Int64 = 3_000
    /// /readyz reports that the daemon is ready again once that has lasted so long, in milliseconds.
    public static let readyAgainMilliseconds: Int64 = 1_000
    /// Coupons on the status page.
    public static let statusPageCoupons = 24
    /// Lines of the trail on the status page.
    public static let statusPageActions = 8
    /// A connection for HTTP is closed after so many seconds, even if its request comes byte by byte.
    public static let observationSeconds: Int64 = 10
    /// The longest request over HTTP, in bytes: a path and a few headers.
    public static let observationBytes = 8_192
    /// A frame that a caller has begun must be there after so many seconds: a lost packet may be sent again.
    public static let frameSeconds = 10
    /// TLS handshakes that one turn of an event loop begins: each costs some 0.2 ms, for signature and keys.
    public static let handshakesPerTurn = 12
    /// TLS handshakes that one address may have in progress in any case.
    public static let handshakesOfAddress = 16
    /// How long a TLS handshake may take, in milliseconds.
    public static let handshakeMilliseconds: Int64 = 2_000
    /// How long the daemon waits until a caller closes TLS as well, in milliseconds.
    public static let tlsCloseMilliseconds: Int64 = 1_000
    /// How long a caller whose handshake failed may take to read why, in milliseconds.
    public static let alertMilliseconds: Int64 = 250
    /// Names that are read in a caller's certificate.
    public static let alternativeNames = 16
    /// A connection must have sent its first frame after so many seconds, while more than three quarters of
    /// `max-connections` are taken: then others need the places that it does not use.
    public static let firstFrameSeconds = 10
    /// The same for a connection that has sent frames: pools reconnect at their next request.
    public static let crowdedIdleSeconds = 60
    /// A client that has taken no byte of its answers for so many seconds is disconnected. A pause of a
    /// garbage collector, the migration of a machine and a few lost packets are shorter.
    public static let unreadSeconds = 20
    /// After so many seconds of silence the kernel checks if a connection's other end is still there.
    public static let keepaliveSeconds = 30
    /// Connections above the limit that are open at once to get their error; one more is closed without it.
    public static let refusedConnections = 64
    /// How long a listener waits after it could not accept, in milliseconds: a file may be closed by then.
    public static let acceptBackOffMilliseconds: Int64 = 250

    /// How long a daemon waits for another one that is about to listen in the same folder, in milliseconds.
    public static let folderLockMilliseconds: Int64 = 5_000

    /// How many of the descriptors are reserved for the daemon itself.
    /// - Parameters:
    ///   - addresses: where callers connect; each needs a listener for each event loop.
    ///   - hasAdminListener: whether admin methods have a listener of their own.
    ///   - partitions: each has a connection of its own to a Redis Cluster, which waits for entries.
    ///   - nodes: of a Redis Cluster, as far as is known; each takes as many connections as a single Redis.
    ///   - issuingLanes: each has a blocking connection to each node.
    ///   - usesTLS: whether connections to Redis speak TLS, so that each blocking one passes a relay.
    public static func reservedDescriptors(
        eventLoops: Int, addresses: Int = 1, hasAdminListener: Bool = false,
        partitions: Int = Limits.partitions, nodes: Int = 1,
        issuingLanes: Int = Limits.issuingLanes, usesTLS: Bool = false
    ) -> Int {
        let perLoop = ownDescriptorsPerEventLoop + addresses - 1 + 4 * (nodes - 1)
        let blocking = blockingConnections + issuingLanes
        let relays = usesTLS ? 4 + descriptorsOfRelay * (blocking * nodes + partitions) : 0
        return ownDescriptors + perLoop * eventLoops + observationConnections + refusedConnections
            + partitions + blocking * (nodes - 1) + relays
            + (hasAdminListener ? adminConnections + refusedAdminConnections : 0)
    }

    // MARK: systemd

    /// How much more time the daemon asks of systemd each time while it starts or drains, in seconds: a
    /// scheduler's last transaction takes 25 at most.
    public static let extensionSeconds = 30
    /// How often it asks while it starts, in seconds.
    public static let extensionPeriodSeconds = 5
    /// A thread without progress for so many periods of the watchdog stands still: two minutes with the
    /// period of the unit. A statement takes 25 seconds at most.
    public static let stuckThreadPeriods: Int64 = 8
    /// The same for a job of a lane whose jobs make hundreds of calls: 20 minutes.
    public static let stuckLanePeriods: Int64 = 80
    /// How long `coupond reload` waits for the daemon, in seconds: less than TimeoutStartSec= of the unit, by
    /// which systemd bounds ExecReload= as well.
    public static let reloadSeconds = 25

    // MARK: Log

    /// Bytes of the log that wait for a reader of standard error; beyond it lines are dropped, and counted.
    public static let logBytes = 1_048_576
    /// How long the end of the daemon waits for that reader, in milliseconds.
    public static let logFlushMilliseconds: Int64 = 500
    /// A line that is written again within this time is counted instead, in milliseconds.
    public static let logRepeatMilliseconds: Int64 = 5_000
    /// Lines with one message and different values that are written in that time; further ones are counted.
    public static let logVariety = 64
    /// Messages that are remembered for this; lines of further messages are all written.
    public static let logMessages = 1_024

    // MARK: Gate

    /// Partitions. Default; configurable.
    public static let partitions = 16
    /// Partitions at most: each costs a few keys, a lock and a row.
    public static let maximumPartitions = 1_024
    /// Requests in one gate call: Lua's `unpack` takes fewer than 8,000 values, and Redis serves nobody
    /// else for the 2.3 ms of a full one.
    public static let requestsPerGateCall = 1_024
    /// Coupons in one gate call: with more of them the call's fixed cost hardly counts any more.
    public static let couponsPerGateCall = 64
    /// Gate calls in flight on one connection: enough to share Redis' fsyncs and to keep it busy. Requests
    /// that wait here can still join a call, those in Redis' socket cannot.
    public static let gateCallsInFlight = 8
    /// Gate calls of one coupon in flight: few, so its requests gather into batches.
    public static let gateCallsInFlightPerCoupon = 4
    /// With so many pending requests a coupon does not wait for a call of its partition that is in flight. A
    /// call costs Redis 26 µs and an fsync for its first request and 2.5 µs for each further one, so fewer
    /// requests wait.
    public static let minimumConcurrentBatch = 16
    /// Requests accepted and not yet settled, for each coupon. Default; configurable.
    public static let backlogPerCoupon: Int64 = 2_000_000
    /// The same for a partition: what Redis must hold. Default; configurable.
    public static let backlogPerPartition: Int64 = 4_000_000

    // MARK: Nodes of a Redis Cluster

    /// How long a blocking connection to a node may take, in milliseconds: other nodes' partitions wait.
    public static let nodeConnectMilliseconds: Int64 = 300
    /// How long a node may take for a blocking command, in milliseconds: less than the time after which
    /// PostgreSQL ends a silent session.
    public static let nodeCommandMilliseconds: Int64 = 1_000
    /// After a node could not be reached, calls to it fail at once for a while, in milliseconds: at first for
    /// between half of this time and all of it, later for longer.
    public static let nodeBackOffMilliseconds: Int64 = 500

    /// A node that has served no partition for so many seconds is not dialled any more.
    public static let goneNodeSeconds: Int64 = 600

    // MARK: Scheduler

    /// Requests in one issuing transaction: larger ones gain little and hold the coupon longer.
    public static let requestsPerTransaction = 5_000
    /// PostgreSQL ends a statement that takes longer, in milliseconds.
    public static let statementMilliseconds = 5_000
    /// The same in an issuing transaction: the other partitions of its scheduler wait for it.
    public static let issuingMilliseconds = 1_000
    /// The same for a queue entry that took too long: it cannot be split, and gets more time step by step.
    public static let longestIssuingMilliseconds = 20_000
    /// Rows that such an entry gives to one statement: the largest entry needs four.
    public static let rowsPerLongCopy = requestsPerGateCall / 4
    /// The longest rest of a slow partition, in milliseconds: six times the longest statement.
    public static let restMilliseconds: Int64 = 120_000
    /// While Redis does not answer, a scheduler uses its session again after so many milliseconds: PostgreSQL
    /// ends one that is silent for 2 s.
    public static let pingMilliseconds: Int64 = 500
    /// How long a scheduler waits for a connection to Redis, in milliseconds: it cannot use its session then.
    public static let connectMilliseconds: Int64 = 1_000
    /// Issuing lanes of a daemon. Default; configurable.
    public static let issuingLanes = 1
    /// The most: each is a session of PostgreSQL and a connection to Redis.
    public static let maximumIssuingLanes = 8
    /// How long a partition must have had more to issue than one transaction takes before it is lent to
    /// another lane, in milliseconds.
    public static let backlogBeforeLendingMilliseconds: Int64 = 500
    /// A partition is also lent after two steps that take so long, in milliseconds.
    public static let slowStepMilliseconds: Int64 = 100
    /// How long it must have had no backlog before it goes back, in milliseconds.
    public static let quietBeforeReturnMilliseconds: Int64 = 5_000
    /// A lane that has shown no progress for so long loses its partitions to the first lane, in milliseconds:
    /// no statement of a live lane takes longer.
    public static let laneTimeoutMilliseconds: Int64 = 30_000
    /// How long a node is not reached before its partitions are offered to the other daemons (rule 56), in
    /// milliseconds: a call to a node that hangs takes a second, and a failover some seconds.
    public static let unreachedMilliseconds: Int64 = 5_000
    /// The time between two looks at nodes of partitions that are offered.
    public static let lookMilliseconds: Int64 = 1_000
    /// Partitions that one look reaches: three calls each.
    public static let partitionsLookedAt = 16
    /// Partitions that a daemon takes at once, so that others take some too. More if many are offered.
    public static let partitionsTakenTogether = 4
    /// How long a taker waits for a partition.
    public static let takingMilliseconds: Int64 = 5_000
    /// A partition that is offered again within this time comes back later than the last time.
    public static let offerMemoryMilliseconds: Int64 = 60_000
    /// The longest time until the node of an offered partition is looked at.
    public static let longestOfferMilliseconds: Int64 = 300_000
    /// Coupons whose accounts a daemon checks each second, besides its suspects.
    public static let auditedCoupons = 32
    /// Rows that it counts each second: some 5 ms of PostgreSQL.
    public static let auditedRows = 20_000
    /// How many rejections, and how many dead letters, it counts for one coupon; a coupon with more is left
    /// to `couponctl verify`.
    public static let auditedRejections: Int64 = 10_000
    /// Suspects that it remembers: coupons that do not add up, or may not.
    public static let auditSuspects = 256
    /// Holders of a coupon that it searches for those without a row.
    public static let auditedHolders = 20_000
    /// Rows that are counted for an audit on demand; a coupon with more is judged without them.
    public static let auditedRowsOnDemand: Int64 = 2_000_000
    /// Queued requests of a partition that are read for an audit on demand; with a longer queue the audit
    /// uses the gate's own count.
    public static let auditedQueue = 100_000
    /// Holders written to Redis by one command of a load: Redis serves nobody else for some 1.2 ms.
    public static let holdersPerCommand = 500

    // MARK: Front door

    /// Coupons whose standing one worker remembers.
    public static let frontDoorCoupons = 65_536
    /// A mark older than this is read again in the background, while requests still bounce (rule 39).
    public static let markRefreshMilliseconds: Int64 = 1_000
    /// Ids without a coupon that one worker remembers. A flood of them pushes out no coupon.
    public static let absentCoupons = 16_384
    /// How long "no such coupon" is believed without an event.
    public static let absentMilliseconds: Int64 = 1_000
    /// How long a finished coupon bounces while the daemon receives no events (rule 39).
    public static let finishedWhileDisconnectedMilliseconds: Int64 = 30_000
    /// NOT_OPEN is bounced only while the gate's estimated clock is this far before opening (rule 40).
    public static let notOpenMarginMilliseconds: Int64 = 1_000
    /// Requests of one coupon that wait in one worker, for its load or for the gate; beyond it
    /// RESOURCE_EXHAUSTED.
    public static let requestsPendingPerCoupon = 65_536
    /// Coupons that are looked up by one statement.
    public static let couponsPerLookup = 1_000
    /// Coupons of one worker that wait to be looked up; beyond it RESOURCE_EXHAUSTED.
    public static let couponsWaitingForLookup = 8_192

    // MARK: Slow work, waiting in one daemon; beyond it RESOURCE_EXHAUSTED

    /// Questions about callers that wait for ISSUED. Each worker has at most one for each partition, so this
    /// is enough for 16 partitions and 256 workers. A worker that finds no room asks again.
    public static let decisionsWaiting = 4_096
    /// Lookups of coupons and users. Each worker has one of each at a time, so this is enough for 512
    /// workers.
    public static let lookupsWaiting = 1_024
    /// Loads: room for a sale that begins with 16,000 coupons at once. Each worker asks for a coupon once,
    /// and only for coupons that exist, so invented ids cannot fill it.
    public static let loadsWaiting = 16_384
    /// Statuses that wait for a batch. A batch of a thousand takes some 20 ms: the last waits for 200 ms.
    public static let statusesWaiting = 8_192
    /// Statuses in one batch: a gate is busy with so many for some 2 ms.
    public static let statusesPerBatch = 512
    /// If so many statuses wait, a second lane begins a batch while the first one works.
    public static let statusesForSecondLane = 24
    /// Fewer statuses wait for the end of that batch, but only until it has taken so many milliseconds.
    public static let statusBatchMilliseconds: Int64 = 5
    /// How long statuses wait for an answer of Redis, in milliseconds; if a connection was idle, twice as
    /// long. Then they say what PostgreSQL knows.
    public static let statusGateMilliseconds: Int64 = 500
    /// Admin calls: some two seconds of creating coupons.
    public static let adminCallsWaiting = 1_024
    /// Audits on demand: each may take seconds.
    public static let auditsWaiting = 64
    /// Callers that wait for events in one daemon. One read of the log takes about a millisecond.
    public static let watchesWaiting = 1_024
    /// How many waits for events one connection may have.
    public static let watchesInFlightPerConnection = 4
    /// How long before the deadline of its request a wait for events ends, in milliseconds.
    public static let watchGraceMilliseconds: Int64 = 50
    /// Partitions whose commit logs are read at once for one caller.
    public static let partitionsPerEventRead = 16
    /// Commits of all these partitions, at most.
    public static let commitsPerEventRead = 512
    /// Events that are looked at for one coupon in one read.
    public static let eventsScanned = 5_000
    /// Commits of each partition that are deleted in one second once they are old.
    public static let commitsDeleted = 500
    /// Statuses of one connection in the lane, and as many of the users of its batches, so that one caller
    /// leaves room for 31 others.
    public static let statusesInFlightPerConnection = 128
    /// Admin calls of one connection, so that one caller leaves room in the lane for seven others.
    public static let adminCallsInFlightPerConnection = 128
    /// Audits of one connection, for the same reason.
    public static let auditsInFlightPerConnection = 8
    /// Pages of lists of one connection: at 64 KiB each, they are as much as it may leave unread.
    public static let listsInFlightPerConnection = 4
    /// Batches of requests of one connection, and as many of statuses: with a thousand users each, they are
    /// four times as many requests as it may have otherwise. All their users count as requests in flight
    /// until the batch is answered.
    public static let batchesInFlightPerConnection = 4
}
