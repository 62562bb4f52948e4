-- Dead letters are found without a walk over those of other coupons, however many there are.

-- A list of one coupon's, page by page.
CREATE INDEX dead_letter_coupon ON coupond.dead_letter (coupon_id, id);

-- Whether a partition has any that name no user: the auditor asks for each coupon, each second.
CREATE INDEX dead_letter_unreadable ON coupond.dead_letter (partition) WHERE user_id IS NULL;
