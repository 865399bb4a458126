//! Where numbers are computed: the backend, its device, and the floating-point type.

pub use crate::config::{Backend as BackendKind, Precision};

use burn::tensor::{DType, Device, DeviceKind, DeviceType, Tensor, TensorData};
use rayon::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use thiserror::Error;

impl Precision {
    /// Burn's name for the type.
    pub fn dtype(self) -> DType {
        match self {
            Precision::F32 => DType::F32,
            Precision::F64 => DType::F64,
        }
    }

    /// The distance from 1 to the next larger number.
    pub fn epsilon(self) -> f64 {
        match self {
            Precision::F32 => f64::from(f32::EPSILON),
            Precision::F64 => f64::EPSILON,
        }
    }
}

/// Why a backend could not be opened.
#[derive(Debug, Error)]
pub enum BackendError {
    /// No adapter answered.
    #[error(
        "backend wgpu: no graphics adapter answered ({reason}). Install a Vulkan driver for your \
         card (or, to try it without one, a software driver such as Mesa's lavapipe: Debian's \
         package mesa-vulkan-drivers), or choose --backend cpu"
    )]
    NoAdapter {
        /// What the driver layer said.
        reason: String,
    },
    /// 64-bit floats asked of a device that has none.
    #[error(
        "backend {backend} does not compute in f64: set precision = \"f32\", or backend = \"cpu\", \
         whose f64 is this program's reference"
    )]
    NoDouble {
        /// The backend.
        backend: BackendKind,
    },
}

/// An opened backend: every tensor of a run is made through it.
#[derive(Clone, Debug)]
pub struct Compute {
    /// The backend asked for.
    pub kind: BackendKind,
    /// The floating-point type of all tensors.
    pub precision: Precision,
    device: Device,
}

impl Compute {
    /// Opens a backend.
    ///
    /// # Errors
    ///
    /// [`BackendError`] where no graphics adapter answers, or f64 is asked of one.
    pub fn open(kind: BackendKind, precision: Precision) -> Result<Self, BackendError> {
        if kind == BackendKind::Wgpu && precision == Precision::F64 {
            return Err(BackendError::NoDouble { backend: kind });
        }
        let device = match kind {
            BackendKind::Cpu => Device::flex(),
            #[allow(deprecated)] // offered as a second opinion; Flex is the default
            BackendKind::NdArray => Device::ndarray(),
            BackendKind::Wgpu => open_wgpu()?,
        };
        Ok(Self {
            kind,
            precision,
            device,
        })
    }

    /// The CPU reference in the given precision, which always opens.
    pub fn cpu(precision: Precision) -> Self {
        Self {
            kind: BackendKind::Cpu,
            precision,
            device: Device::flex(),
        }
    }

    /// The device's name as its driver reports it.
    pub fn device_name(&self) -> String {
        match self.kind {
            BackendKind::Cpu => "processor (flex)".to_owned(),
            BackendKind::NdArray => "processor (ndarray)".to_owned(),
            BackendKind::Wgpu => self
                .device
                .identity()
                .map_or_else(|| "unknown adapter".to_owned(), |identity| identity.name),
        }
    }

    /// Burn's handle of the device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A tensor from 64-bit numbers, rounded to the precision of this backend.
    pub fn tensor<const D: usize>(&self, values: &[f64], shape: [usize; D]) -> Tensor<D> {
        let data = match self.precision {
            Precision::F32 => {
                let mut rounded = Vec::new();
                append(values, |x| x as f32, &mut rounded);
                TensorData::new(rounded, shape)
            }
            Precision::F64 => TensorData::new(values.to_vec(), shape),
        };
        self.tensor_from_data(data)
    }

    /// A tensor from data that already has this backend's precision.
    pub fn tensor_from_data<const D: usize>(&self, data: TensorData) -> Tensor<D> {
        Tensor::from_data(data, (&self.device, self.precision.dtype()))
    }

    /// Waits until all work handed to the device is done; only timings need it.
    pub fn synchronize(&self) {
        // A failed synchronisation shows again, as an error, at the next read.
        let _ = self.device.sync();
    }
}

/// Reads a tensor into 64-bit numbers, row-major.
///
/// # Errors
///
/// The device's own message where it could not execute the work or hand over its memory.
pub fn read<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f64>, String> {
    let mut values = Vec::new();
    read_onto(tensor.clone(), &mut values)?;
    Ok(values)
}

/// As [`read`], onto the end of `values`; a tensor of which there is no other clone is not copied.
///
/// # Errors
///
/// As [`read`].
pub fn read_onto<const D: usize>(tensor: Tensor<D>, values: &mut Vec<f64>) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("the device failed: {error}");
    let data = tensor.try_into_data().map_err(|error| failed(&error))?;
    // Burn's own conversion asks for the type of every number anew.
    if let Ok(numbers) = data.as_slice::<f32>() {
        append(numbers, f64::from, values);
    } else {
        values.extend(data.iter::<f64>());
    }
    Ok(())
}

/// Converts numbers one by one, long rows of them on all cores.
fn append<A: Copy + Sync, B: Send>(
    numbers: &[A],
    convert: impl Fn(A) -> B + Sync + Send,
    values: &mut Vec<B>,
) {
    /// So many that waking another thread costs less than converting them.
    const BLOCK: usize = 1 << 15;
    if numbers.len() <= BLOCK {
        values.extend(numbers.iter().map(|&number| convert(number)));
    } else {
        let numbers = numbers.par_iter().with_min_len(BLOCK);
        values.par_extend(numbers.map(|&number| convert(number)));
    }
}

/// Opens the default adapter, turning the driver layer's panics into an error.
fn open_wgpu() -> Result<Device, BackendError> {
    let attempt = quietly(|| {
        let adapters = Device::enumerate(DeviceType::Wgpu);
        if adapters.is_empty() {
            return Err("no adapter found".to_owned());
        }
        let device = Device::wgpu(DeviceKind::DefaultDevice);
        // Opening is lazy: a first tensor makes the driver answer now rather than in mid-run.
        let probe = Tensor::<1>::from_data(TensorData::from([1.0f32, 2.0]), (&device, DType::F32));
        probe
            .add_scalar(1.0)
            .try_into_data()
            .map(|_| device)
            .map_err(|error| error.to_string())
    });
    attempt
        .unwrap_or_else(Err)
        .map_err(|reason| BackendError::NoAdapter { reason })
}

/// Runs `work` with the panic message caught instead of printed.
fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(work));
    std::panic::set_hook(hook);
    result.map_err(|payload| {
        payload
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| {
                payload
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned())
            })
            .unwrap_or_else(|| "the driver layer failed without a message".to_owned())
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    })
}
