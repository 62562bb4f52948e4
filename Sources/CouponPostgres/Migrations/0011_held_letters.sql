-- A load counts a coupon's dead letters that the gate must have as held, by this index alone: those that were
-- discarded or redriven may be ten million. While an index is built, dead letters can be read, but not
-- written. Who has many builds both before the upgrade, CONCURRENTLY (docs/OPERATIONS.md).

CREATE INDEX IF NOT EXISTS dead_letter_held ON coupond.dead_letter (coupon_id, state)
    WHERE (state = 1 OR NOT synced) AND user_id IS NOT NULL;

-- Decisions that a gate lacks, the oldest of each partition: one partition's do not hide another's.
-- dead_letter_unsynced stays for daemons of an earlier version: to drop it here might deadlock with one.
CREATE INDEX IF NOT EXISTS dead_letter_unsynced_of_partition
    ON coupond.dead_letter (partition, id) WHERE NOT synced;
