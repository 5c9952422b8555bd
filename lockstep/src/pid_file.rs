//! The file that tells other programs which process the server is.

use std::path::{Path, PathBuf};

/// A file with the id of this process, which goes with it.
#[derive(Debug)]
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Writes the file; one that is there was left behind, or is a mistake of whoever starts servers.
    ///
    /// # Errors
    /// A sentence, if it cannot be written.
    pub(crate) fn write(path: &Path) -> Result<Self, String> {
        std::fs::write(path, std::process::id().to_string())
            .map_err(|error| format!("error: cannot write the `pid_file` `{}`: {error}", path.display()))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!("cannot remove the `pid_file` `{}`: {error}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_the_process_as_long_as_it_serves() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("server.pid");
        let file = PidFile::write(&path).expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), std::process::id().to_string());
        drop(file);
        assert!(!path.exists());
        let problem = PidFile::write(&folder.path().join("none/server.pid")).expect_err("no folder");
        assert!(problem.contains("none/server.pid"), "{problem}");
    }
}
