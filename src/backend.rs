//! Where numbers are computed: the backend, its device, and the floating-point type.

pub use crate::linear::Precision;

use burn::tensor::{DType, Device, Tensor, TensorData};
use rayon::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use thiserror::Error;

impl Precision {
    /// Burn's name for the type.
    pub fn dtype(self) -> DType {
        match self {
            Precision::F32 => DType::F32,
            Precision::F64 => DType::F64,
        }
    }
}

words! {
    /// Where tensors live (`backend`).
    BackendKind {
        /// The built-in CPU backend; the default and the reference.
        #[default]
        Cpu = "cpu",
        /// The CPU through ndarray.
        NdArray = "ndarray",
        /// A graphics card (or a software driver) through wgpu.
        Wgpu = "wgpu",
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
    name: String,
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
        let (device, name) = match kind {
            BackendKind::Cpu => return Ok(Self::cpu(precision)),
            #[allow(deprecated)] // offered as a second opinion; Flex is the default
            BackendKind::NdArray => (Device::ndarray(), "processor (ndarray)".to_owned()),
            BackendKind::Wgpu => graphics_adapter()?,
        };
        Ok(Self {
            kind,
            precision,
            device,
            name,
        })
    }

    /// The CPU reference in the given precision, which always opens.
    pub fn cpu(precision: Precision) -> Self {
        Self {
            kind: BackendKind::Cpu,
            precision,
            device: Device::flex(),
            name: "processor (flex)".to_owned(),
        }
    }

    /// The device's name: of a graphics adapter as its driver reports it, with the interface it is
    /// reached by and the driver.
    pub fn device_name(&self) -> &str {
        &self.name
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

/// The smallest number above 0 that the tensor's type holds with all digits.
pub fn smallest<const D: usize>(tensor: &Tensor<D>) -> f64 {
    match tensor.dtype() {
        DType::F64 => f64::MIN_POSITIVE,
        _ => f64::from(f32::MIN_POSITIVE),
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

/// The default graphics adapter and its name; opened once, and then the same for all.
fn graphics_adapter() -> Result<(Device, String), BackendError> {
    static OPENED: OnceLock<Result<(Device, String), String>> = OnceLock::new();
    OPENED
        .get_or_init(|| quietly(open_wgpu).unwrap_or_else(Err))
        .clone()
        .map_err(|reason| BackendError::NoAdapter { reason })
}

/// Opens the default graphics adapter; some driver layers panic where they should fail.
fn open_wgpu() -> Result<(Device, String), String> {
    let opened = Device::wgpu_options().init_with_setup();
    let (device, setup) = opened.map_err(|error| error.to_string())?;
    let adapter = setup.adapter.get_info();
    let driver = [adapter.driver.as_str(), adapter.driver_info.as_str()];
    let driver: Vec<&str> = driver.into_iter().filter(|text| !text.is_empty()).collect();
    let interface = format!("{:?}", adapter.backend);
    let parts = [adapter.name, interface, driver.join(" ")];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Ok((device, parts.join(", ")))
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
