-- A dead letter is redriven or discarded by an admin; the gate is told after the commit, by whoever lives.

ALTER TABLE coupond.dead_letter
    ADD COLUMN told boolean NOT NULL DEFAULT true,
    ADD COLUMN decided_at timestamptz;

COMMENT ON COLUMN coupond.dead_letter.told IS
    'false between the commit of a decision and the gate''s knowing of it';

CREATE INDEX dead_letter_untold ON coupond.dead_letter (id) WHERE NOT told;

-- A discarded letter is told as a rejection with reason 5: its slot is free.
CREATE OR REPLACE VIEW coupond.refusal AS
    SELECT partition, epoch, n, sequence, coupon_id, user_id, request_id, reason
    FROM coupond.issue_rejection
    UNION ALL
    SELECT partition, epoch, n, sequence, coupon_id, user_id, request_id,
        (CASE state WHEN 1 THEN 4 ELSE 5 END)::smallint
    FROM coupond.dead_letter
    WHERE state IN (1, 3) AND user_id IS NOT NULL;
