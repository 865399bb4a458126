//! Floating-point types.

words! {
    /// The floating-point type of every tensor (`precision`).
    Precision {
        /// 32 bits; the default.
        #[default]
        F32 = "f32",
        /// 64 bits; not on the wgpu backend.
        F64 = "f64",
    }
}

impl Precision {
    /// The distance from 1 to the next larger number.
    pub fn epsilon(self) -> f64 {
        match self {
            Precision::F32 => f64::from(f32::EPSILON),
            Precision::F64 => f64::EPSILON,
        }
    }

    /// The relative rounding error of one product with a large operator.
    pub(super) fn of_products(self) -> f64 {
        match self {
            Precision::F32 => 1e-7,
            Precision::F64 => 1e-14,
        }
    }
}
