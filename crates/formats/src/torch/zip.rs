//! The archives that PyTorch writes since version 1.6: `NAME/data.pkl`, and a storage in each `NAME/data/KEY`.

use super::names::allowed;
use super::{Contents, Kept, Storages, TorchError, collect};
use crate::archive::Archive;
use crate::pickle;
use std::borrow::Cow;
use std::rc::Rc;

/// The entry with the pickle.
const PICKLE: &str = "data.pkl";

/// The most bytes of a pickle: it holds names and shapes, no numbers.
const LARGEST_PICKLE: u64 = 64 << 20;

/// Reads what an archive holds.
pub(super) fn read(bytes: &[u8]) -> Result<Contents<'_>, TorchError> {
    let archive = Archive::open(bytes)?;
    let folder = folder(&archive)?;
    let entry = |name: &str| format!("{folder}{name}");
    if archive.contains(&entry("constants.pkl")) {
        let reason = "a TorchScript program; in Python: torch.save(torch.jit.load(FILE).state_dict(), OTHER_FILE)";
        return Err(TorchError::Other(reason));
    }
    let order = entry("byteorder");
    if archive.contains(&order) && *archive.read(&order)? != *b"little" {
        return Err(TorchError::BigEndian);
    }
    let name = entry(PICKLE);
    if archive.size(&name) > Some(LARGEST_PICKLE) {
        return Err(TorchError::Other("its data.pkl is larger than 64 MiB"));
    }
    let content = archive.read(&name)?;
    let pickle = pickle::read(&content, &allowed())?;
    let kept = Kept::default();
    collect(
        &pickle,
        Entries {
            archive: &archive,
            folder,
            kept,
        },
    )
}

/// The folder that everything is in, with a slash behind it.
fn folder(archive: &Archive<'_>) -> Result<String, TorchError> {
    let mut names = archive.names();
    let folder = names.find_map(|name| {
        let folder = name.strip_suffix(PICKLE)?;
        (folder.is_empty() || folder.matches('/').count() == 1).then_some(folder)
    });
    let other = TorchError::Other("it has no data.pkl");
    folder.map(str::to_owned).ok_or(other)
}

/// Storages as entries.
struct Entries<'r, 'a> {
    archive: &'r Archive<'a>,
    folder: String,
    kept: Kept<'a>,
}

impl<'a> Storages<'a> for Entries<'_, 'a> {
    fn bytes(&mut self, key: &str) -> Result<Rc<Cow<'a, [u8]>>, TorchError> {
        let name = format!("{}data/{key}", self.folder);
        self.kept.or_read(key, || Ok(self.archive.read(&name)?))
    }
}
