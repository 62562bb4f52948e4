/// Calls for many coupons, one after the other: between two commands of a pipeline Redis serves others.
public import CouponCore

extension GateControl {
    /// Claims each coupon.
    public func claim(
        _ coupons: [CouponPlace], load: LoadNumber
    ) -> [Result<ClaimResult, BackendError>] {
        coupons.map { place in
            Result { () throws(BackendError) in
                try claim(
                    place.coupon, partition: place.partition, epoch: place.epoch, load: load)
            }
        }
    }

    /// Loads each coupon.
    public func load(
        _ coupons: [(coupon: LoadedCoupon, place: CouponPlace)], load number: LoadNumber
    ) -> [Result<LoadResult, BackendError>] {
        coupons.map { coupon, place in
            Result { () throws(BackendError) in
                try load(
                    [coupon], partition: place.partition, epoch: place.epoch, load: number)
            }
        }
    }
}
