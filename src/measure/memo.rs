//! What has been computed once and may be needed again.

use super::failure::Failure;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::rc::Rc;

/// Values by their type and a name. Families keep what their measures share here, so that whoever holds it
/// need not know the families.
#[derive(Default)]
pub struct Memo {
    entries: HashMap<(TypeId, String), Entry>,
}

/// What was found, or why nothing was, and how long that took.
struct Entry {
    found: Result<Rc<dyn Any>, Failure>,
    seconds: f64,
}

impl Memo {
    /// What is known under a name, with the seconds that it took; none where it was not computed yet.
    pub(super) fn get<T: Any>(&self, name: &str) -> Option<(Result<Rc<T>, Failure>, f64)> {
        let entry = self.entries.get(&(TypeId::of::<T>(), name.to_owned()))?;
        let found = match &entry.found {
            Ok(value) => Ok(value.clone().downcast::<T>().ok()?),
            Err(failure) => Err(failure.clone()),
        };
        Some((found, entry.seconds))
    }

    /// Keeps what was computed under a name.
    pub(super) fn insert<T: Any>(
        &mut self,
        name: &str,
        found: Result<Rc<T>, Failure>,
        seconds: f64,
    ) {
        let found = found.map(|value| value as Rc<dyn Any>);
        let key = (TypeId::of::<T>(), name.to_owned());
        self.entries.insert(key, Entry { found, seconds });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_may_hold_values_of_several_types() {
        let mut memo = Memo::default();
        memo.insert("a", Ok(Rc::new(3u8)), 0.5);
        memo.insert::<String>("a", Err(Failure::not_known("nobody knows")), 0.0);
        let (number, seconds) = memo.get::<u8>("a").unwrap();
        assert_eq!((*number.unwrap(), seconds), (3, 0.5));
        assert!(memo.get::<String>("a").unwrap().0.is_err());
        assert!(memo.get::<u8>("b").is_none());
    }
}
