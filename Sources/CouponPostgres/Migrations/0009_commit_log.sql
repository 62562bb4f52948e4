-- What was committed, for services that follow it: one row for each transaction that issued, rejected or
-- changed something, written in that transaction. It names who got coupons; coupon_issue has the rest.
--
-- Its number rises by one with each row of a partition, under the lock of the partition's row. The last row
-- of a partition stays, so numbers are never given out again, and a database that went back is noticed.
CREATE TABLE coupond.commit_log (
    partition integer NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    committed_at timestamptz NOT NULL DEFAULT now(),
    from_epoch bigint NOT NULL,
    from_n bigint NOT NULL,
    to_epoch bigint NOT NULL,
    to_n bigint NOT NULL,
    events integer NOT NULL,
    coupon_ids bigint[],
    counts bigint[],
    user_ids bytea,
    other_kinds bigint[],
    other_coupon_ids bigint[],
    other_user_ids bigint[],
    other_numbers bigint[],
    other_request_ids bytea[],
    other_reasons bigint[],
    PRIMARY KEY (partition, number)
);

-- It is compact already.
ALTER TABLE coupond.commit_log ALTER COLUMN user_ids SET STORAGE EXTERNAL;

COMMENT ON COLUMN coupond.commit_log.to_n IS
    'the cursor before and after the transaction: from (from_epoch, from_n) to (to_epoch, to_n)';
COMMENT ON COLUMN coupond.commit_log.user_ids IS
    'who got the coupons: the first counts[1] of them coupon_ids[1], and so on; of each its difference to '
    'the one before as a zigzag varint of protobuf';
COMMENT ON COLUMN coupond.commit_log.other_kinds IS
    '2 rejected, 3 sold out, 4 changed; the other_ columns belong to it, element by element';
COMMENT ON COLUMN coupond.commit_log.other_numbers IS
    'of a rejection the sequence, else the version of the coupon';
