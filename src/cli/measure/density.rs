//! The spectral density beside the table of measures.

use crate::cli::CommandError;
use crate::cli::output::{Picture, check_folder, write_named};
use crate::cli::solution::Solution;
use crate::config::Config;
use crate::linear::{
    Budget, Density, DensityOptions, Interrupt, LinearError, LinearOperator, Precision,
    spectral_density,
};
use crate::plot::density_figure;
use crate::report::{Finding, density_table};
use crate::table::{Csv, Renderer};
use std::path::Path;
use std::time::Instant;

/// Where the density is written, as what.
pub(super) struct DensityFile<'a> {
    path: &'a Path,
    /// None for the points and weights.
    picture: Option<Picture>,
}

/// A density with what it is of.
pub(super) struct Estimated {
    density: Density,
    config: Config,
}

impl<'a> DensityFile<'a> {
    /// A file whose ending says what is written.
    pub fn new(path: &'a Path) -> Result<Self, CommandError> {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        let picture = match ending.to_lowercase().as_str() {
            "csv" => None,
            _ => Some(Picture::of("--density", path, &[".csv"])?),
        };
        check_folder("--density", path)?;
        Ok(Self { path, picture })
    }

    /// Estimates the spectral density of the Hessian at a solution.
    pub fn estimate(
        &self,
        solution: &Solution,
        budget: Budget,
        finding: &Finding,
    ) -> Result<Estimated, CommandError> {
        let options = DensityOptions {
            budget,
            ..DensityOptions::default()
        };
        finding.say(&format!(
            "spectral density: {} probes of {} matrix-vector products each",
            options.probes, options.steps
        ));
        finding.begins("spectral density");
        let streams = solution.problem.streams;
        let mut rng = streams.stream("probes.density", 0);
        let mut hessian = Told {
            operator: solution.hessian(),
            finding,
            began: Instant::now(),
            products: 0,
            options,
        };
        let density = spectral_density(&mut hessian, &mut rng, options, Interrupt::never());
        Ok(Estimated {
            density: density.map_err(|error| CommandError::Other(error.to_string()))?,
            config: solution.problem.config.clone(),
        })
    }

    /// Writes it.
    pub fn write(&self, estimated: &Estimated) -> Result<(), CommandError> {
        let Estimated { density, config } = estimated;
        let bytes = match self.picture {
            None => (Csv.table(&density_table(density)) + "\n").into_bytes(),
            Some(picture) => picture.bytes(&density_figure(density, config), self.path)?,
        };
        write_named("--density", self.path, &bytes)?;
        eprintln!(
            "spectral density: {} probes, {} matrix-vector products{}, written to {}",
            density.probes.len(),
            density.matvecs,
            if density.converged {
                ""
            } else {
                " (cut short by the budget)"
            },
            self.path.display()
        );
        Ok(())
    }
}

/// An operator whose products are told as they are made.
struct Told<'a, O> {
    operator: O,
    finding: &'a Finding,
    began: Instant,
    products: usize,
    options: DensityOptions,
}

impl<O: LinearOperator> LinearOperator for Told<'_, O> {
    fn dimension(&self) -> usize {
        self.operator.dimension()
    }

    fn precision(&self) -> Precision {
        self.operator.precision()
    }

    fn is_positive_semidefinite(&self) -> bool {
        self.operator.is_positive_semidefinite()
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        let product = self.operator.apply(vector);
        self.products += 1;
        let steps = self.options.steps.min(self.dimension());
        let all = self.options.probes * steps;
        let ends_probe = self.products.is_multiple_of(steps);
        let counts = [self.products, all];
        self.finding
            .comes_to("spectral density", counts, self.began, ends_probe);
        product
    }
}
