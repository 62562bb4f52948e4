-- A queue entry may have requests for several coupons, each with sequences of its own. So a place in the
-- queue and a sequence name one request only together with its coupon.

ALTER TABLE coupond.issue_rejection
    DROP CONSTRAINT issue_rejection_pkey,
    ADD PRIMARY KEY (partition, epoch, n, coupon_id, sequence);

DROP INDEX coupond.dead_letter_position;
CREATE UNIQUE INDEX dead_letter_position
    ON coupond.dead_letter (partition, epoch, n, coalesce(coupon_id, 0), coalesce(sequence, 0));
