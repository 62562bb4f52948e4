/// The trail of admin actions in PostgreSQL: its pages, and the lines that no change of a coupon writes.
public protocol TrailStore: AnyObject {
    /// Adds lines to the trail. If it throws, none is added; after `sessionLost` that is unknown.
    /// - Returns: the lines that the store refuses for their data. It has written all the others.
    func record(_ actions: [AdminAction]) throws(BackendError) -> [AdminAction]

    /// Lines of the trail with a number below `before`, the newest first.
    func trail(
        of subject: TrailSubject, before: Int64, limit: Int
    ) throws(BackendError) -> [TrailLine]
}
