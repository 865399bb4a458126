//! The spectral density beside the table of measures.

use crate::cli::CommandError;
use crate::cli::output::{Picture, write_named};
use crate::cli::solution::Solution;
use crate::config::Config;
use crate::linear::{Budget, Density, DensityOptions, Interrupt, spectral_density};
use crate::plot::density_figure;
use crate::report::{Finding, density_table};
use crate::table::{Csv, Renderer};
use std::path::Path;

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
        let mut hessian = solution.hessian();
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
