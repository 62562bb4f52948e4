-- Coupons whose windows open soon are found without a walk over all coupons: daemons ask each second.

CREATE INDEX coupon_opens_at ON coupond.coupon (opens_at);
