//! The few vector operations the kernels need, for both floating-point types.

use bytemuck::Pod;
use pulp::{Arch, Simd, WithSimd};
use std::marker::PhantomData;
use std::ops::{Add, Mul, Sub};

/// A floating-point type with vectors on every instruction set.
pub trait Element:
    Pod + Send + Sync + PartialOrd + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self>
{
    /// As many numbers as one register of the instruction set `S` holds.
    type Vector<S: Simd>: Pod + Send + Sync;

    /// A vector of equal numbers.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;

    /// `a · b + c`, rounded once where the processor can, else twice.
    fn multiply_add<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;

    /// Elementwise sum.
    fn sum<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;

    /// The same number in 64 bits.
    fn to_f64(self) -> f64;

    /// How many numbers a vector holds.
    fn lanes<S: Simd>() -> usize {
        size_of::<Self::Vector<S>>() / size_of::<Self>()
    }
}

impl Element for f32 {
    type Vector<S: Simd> = S::f32s;

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: Self) -> S::f32s {
        simd.splat_f32s(value)
    }

    #[inline(always)]
    fn multiply_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        simd.mul_add_e_f32s(a, b, c)
    }

    #[inline(always)]
    fn sum<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s {
        simd.add_f32s(a, b)
    }

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Element for f64 {
    type Vector<S: Simd> = S::f64s;

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: Self) -> S::f64s {
        simd.splat_f64s(value)
    }

    #[inline(always)]
    fn multiply_add<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        simd.mul_add_e_f64s(a, b, c)
    }

    #[inline(always)]
    fn sum<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        simd.add_f64s(a, b)
    }

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
}

/// An instruction set of this processor.
#[derive(Clone, Copy, Debug)]
pub enum Instructions {
    /// AVX-512.
    #[cfg(target_arch = "x86_64")]
    V4(pulp::x86::V4),
    /// AVX2 and fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    V3(pulp::x86::V3),
    /// What the target always has.
    Baseline(Arch),
}

impl Instructions {
    /// Every set this processor has, the best one first.
    pub fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let optional = [
            pulp::x86::V4::try_new().map(Self::V4),
            pulp::x86::V3::try_new().map(Self::V3),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let optional = [Some(Self::Baseline(Arch::new()))];
        optional
            .into_iter()
            .chain([Some(Self::Baseline(Arch::Scalar))])
            .flatten()
    }

    /// The best set of this processor.
    pub fn best() -> Self {
        Self::available()
            .next()
            .unwrap_or(Self::Baseline(Arch::Scalar))
    }

    /// Runs code compiled for this set.
    pub fn dispatch<O: WithSimd>(self, operation: O) -> O::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::V4(simd) => Simd::vectorize(simd, operation),
            #[cfg(target_arch = "x86_64")]
            Self::V3(simd) => Simd::vectorize(simd, operation),
            Self::Baseline(arch) => arch.dispatch(operation),
        }
    }
}

/// What an instruction set offers for one type.
#[derive(Clone, Copy, Debug)]
pub struct Vectors {
    /// Numbers in a register.
    pub lanes: usize,
    /// Registers.
    pub registers: usize,
}

impl Vectors {
    /// How many of `channels` neighbouring numbers are computed together: one register's, or two's
    /// where there are enough registers for sixteen sums of two.
    pub fn block(self, channels: usize) -> usize {
        match self.registers >= 32 && channels > self.lanes {
            true => 2 * self.lanes,
            false => self.lanes,
        }
    }

    /// The vectors of an instruction set.
    pub fn of<E: Element>(instructions: Instructions) -> Self {
        instructions.dispatch(Query(PhantomData::<E>))
    }
}

struct Query<E>(PhantomData<E>);

impl<E: Element> WithSimd for Query<E> {
    type Output = Vectors;

    fn with_simd<S: Simd>(self, _: S) -> Vectors {
        Vectors {
            lanes: E::lanes::<S>(),
            registers: S::REGISTER_COUNT,
        }
    }
}
