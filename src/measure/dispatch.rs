//! From names to rows.

use super::catalogue::find;
use super::declaration::Measure;
use super::failure::Failure;
use super::invariance::row_name;
use super::measurement::Measurement;
use super::session::Session;
use super::subject::Event;
use crate::curvature::Matrix;
use crate::linear::LinearError;
use crate::reparam::MapKind;

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub enum Named {
    /// A measure.
    Measure(&'static Measure),
    /// A measure after a map as a multiple of its value before, `reparam.{map}.{measure}`.
    UnderMap(MapKind, &'static Measure),
}

impl Named {
    /// What a name stands for; none where it stands for nothing.
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(measure) = find(name) {
            return Some(Self::Measure(measure));
        }
        let rest = name.strip_prefix("reparam.")?;
        let (map, measure) = rest.split_once('.')?;
        let map = MapKind::ALL.iter().find(|kind| kind.as_str() == map)?;
        let measure = find(measure).filter(|measure| !measure.is_check)?;
        Some(Self::UnderMap(*map, measure))
    }

    /// The measure, or the one that is taken under a map.
    pub fn measure(self) -> &'static Measure {
        match self {
            Self::Measure(measure) | Self::UnderMap(_, measure) => measure,
        }
    }
}

/// Whether a name needs products with a curvature matrix.
pub fn needs_products(name: &str) -> bool {
    match Named::parse(name) {
        Some(Named::Measure(measure)) => measure.needs_products(),
        Some(Named::UnderMap(..)) | None => true,
    }
}

/// The measure that a name is about, or is a ratio of.
pub fn about(name: &str) -> Option<&'static Measure> {
    Named::parse(name).map(Named::measure)
}

/// The matrices that some names multiply by, each once.
pub fn matrices(names: &[&str]) -> Vec<Matrix> {
    let named = names.iter().filter_map(|name| Named::parse(name));
    super::catalogue::matrices(named.map(Named::measure))
}

impl Session<'_> {
    /// Measures each name, in order. A measurement that fails, even by a panic in a library, is a row with
    /// its reason.
    ///
    /// # Errors
    ///
    /// [`LinearError::Interrupted`] and nothing else.
    pub fn measure(&mut self, names: &[&str]) -> Result<Vec<Measurement>, LinearError> {
        self.measure_watched(names, &mut |_| {})
    }

    /// As [`Session::measure`], telling `watcher` of each measure as it begins and ends.
    ///
    /// # Errors
    ///
    /// As [`Session::measure`].
    pub fn measure_watched(
        &mut self,
        names: &[&str],
        watcher: &mut dyn FnMut(Event<'_>),
    ) -> Result<Vec<Measurement>, LinearError> {
        let mut measure = |name: &&str| {
            watcher(Event::Begins(name));
            let row = self.measure_one(name)?;
            watcher(Event::Ended(&row));
            Ok(row)
        };
        names.iter().map(&mut measure).collect()
    }

    fn measure_one(&mut self, name: &str) -> Result<Measurement, LinearError> {
        match Named::parse(name) {
            Some(Named::Measure(measure)) => self.take(measure),
            Some(Named::UnderMap(map, measure)) => {
                self.row(&row_name(map, measure.name), measure, |session| {
                    session.ratio_under(map, measure)
                })
            }
            None => Ok(Measurement::failed(
                name,
                Failure::not_defined("there is no such measure"),
            )),
        }
    }
}
